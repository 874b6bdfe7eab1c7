import { ApiError, isApiError, type KindInfo, type Unstructured } from '../../apis/index.ts';
import { BarnError, type Revision } from '../../barn/index.ts';
import { kindPrefix } from '../storage/keys.ts';
import { type Freshness, type Stored, show } from '../storage/object-store.ts';
import { type FieldRequirement, fieldsMatch } from '../view/field-selector.ts';
import type { LabelSelector } from '../view/label-selector.ts';
import type { ContinueTokens } from './continue-token.ts';
import { herdUidOf, type Registry, type Target } from './registry.ts';

/** What of a kind is asked for. */
export interface Selection {
  readonly labels: LabelSelector | undefined;
  readonly fields: readonly FieldRequirement[];
}

/** Which objects, of which version, from where on. */
export interface ListOptions extends Selection {
  /** 0 is all. */
  readonly limit: number;
  readonly continueToken: string;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: string;
}

/** One page, all of one revision. */
export interface Listed {
  readonly revision: Revision;
  readonly items: readonly Unstructured[];
  readonly continueToken: string;
  readonly remaining: number | undefined;
}

/** Objects of a kind at one revision. Errors: BadRequest, Expired, Timeout (a version that does not exist yet). */
export async function list(
  registry: Registry,
  tokens: ContinueTokens,
  target: Target,
  options: ListOptions,
): Promise<Listed> {
  const freshness = freshnessOf(options);
  const herdUid = await herdUidOf(registry, target, freshness);
  if (herdUid === null) {
    return { revision: await registry.store.revision(freshness), items: [], continueToken: '', remaining: undefined };
  }
  const scope = `${kindPrefix(target.info)}${herdUid ?? ''}`;
  const token = options.continueToken === '' ? undefined : tokens.open(options.continueToken, scope);
  const wanted = token?.revision ?? revisionOf(options);
  const isExact = token !== undefined || options.resourceVersionMatch === 'Exact' || (options.limit > 0 && wanted > 0);
  try {
    const found = await collect(registry, target.info, herdUid, options, isExact ? wanted : 0, token?.after);
    if (!isExact && wanted > found.revision) throw tooNew(wanted, found.revision);
    const isPlain = options.labels === undefined && options.fields.length === 0;
    const last = found.items[found.items.length - 1];
    const more = found.more && last !== undefined;
    return {
      revision: found.revision,
      items: found.items.map((stored) => show(target.info, registry.store.reveal(stored))),
      continueToken: more ? tokens.seal({ revision: found.revision, after: last.key }, scope) : '',
      remaining: more && isPlain ? found.count - found.items.length : undefined,
    };
  } catch (error) {
    throw listError(error, token !== undefined, wanted);
  }
}

interface Collected {
  readonly revision: Revision;
  readonly items: readonly Stored[];
  readonly more: boolean;
  readonly count: number;
}

// Reads on until the limit is met; all pages at the revision of the first.
async function collect(
  registry: Registry,
  info: KindInfo,
  herdUid: string | undefined,
  options: ListOptions,
  at: Revision,
  from: string | undefined,
): Promise<Collected> {
  const isPlain = options.labels === undefined && options.fields.length === 0;
  const items: Stored[] = [];
  let after = from;
  let revision = at;
  for (;;) {
    const want = options.limit > 0 ? options.limit - items.length : 0;
    const limit = options.limit === 0 ? 0 : isPlain ? want : Math.max(want, registry.limits.listChunk);
    const page = await registry.store.page(info, herdUid, {
      limit,
      revision,
      ...freshnessOf(options),
      ...(after === undefined ? {} : { after }),
    });
    if (revision === 0) revision = page.revision;
    const kept = isPlain ? page.items : page.items.filter((stored) => selects(options, info, stored));
    items.push(...(options.limit > 0 ? kept.slice(0, want) : kept));
    const isCut = options.limit > 0 && kept.length > want;
    if (!page.more || isCut || (options.limit > 0 && items.length >= options.limit)) {
      return { revision, items, more: isCut || page.more, count: page.count };
    }
    after = page.items[page.items.length - 1]?.key;
  }
}

/** Version 0 is whatever this server has: also without a leader, for as long as its store says that it is not too old. */
export function freshnessOf(asked: Pick<ListOptions, 'resourceVersion' | 'continueToken'>): Freshness {
  return { serializable: asked.resourceVersion === '0' && asked.continueToken === '' };
}

/** Whether a selection takes a stored object. Annotations and data, which may be sealed, cannot be selected by. */
export function selects(selection: Selection, info: KindInfo, stored: Stored): boolean {
  const object = show(info, stored.object);
  return (
    (selection.labels === undefined || selection.labels(object.metadata.labels ?? {})) &&
    fieldsMatch(selection.fields, object)
  );
}

function revisionOf(options: ListOptions): Revision {
  return options.resourceVersion === '' ? 0 : parseVersion(options.resourceVersion);
}

/** A resourceVersion as a revision. Errors: Unknown, as in Kubernetes, which takes it for a fault of its own. */
export function parseVersion(text: string): Revision {
  const revision = Number(text);
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(revision)) return revision;
  const why = /^\d+$/.test(text) ? 'value out of range' : 'invalid syntax';
  throw new ApiError(
    'Unknown',
    `resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": ${why}`,
  );
}

function tooNew(wanted: Revision, current: Revision): ApiError {
  return new ApiError('Timeout', `Too large resource version: ${wanted}, current: ${current}`, {
    retryAfterSeconds: 1,
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version', field: '' }],
  });
}

function listError(error: unknown, isContinued: boolean, wanted: Revision): unknown {
  if (isApiError(error) || !(error instanceof BarnError)) return error;
  if (error.reason === 'FutureRevision') return tooNew(wanted, 0);
  if (error.reason !== 'Compacted') return error;
  const message = isContinued
    ? 'The provided continue parameter is too old to display a consistent list result. You must start a new list without the continue parameter.'
    : 'The resourceVersion for the provided list is too old.';
  return new ApiError('Expired', message, undefined, { cause: error });
}
