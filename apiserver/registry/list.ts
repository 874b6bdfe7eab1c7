import { ApiError, isApiError, type KindInfo } from '../../apis/index.ts';
import { BarnError, type Revision } from '../../barn/index.ts';
import { herdPrefix, kindPrefix } from '../storage/keys.ts';
import { type Freshness, type Stored, show } from '../storage/object-store.ts';
import { demanded, type FieldRequirement, fieldsMatch } from '../view/field-selector.ts';
import type { LabelSelector } from '../view/label-selector.ts';
import { type ContinuePoint, type ContinueTokens, inconsistent } from './continue-token.ts';
import { parseVersion, tooLarge, untilReached } from './freshness.ts';
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

/** One page, all of one revision; as stored: see `show` and `reveal`. */
export interface Listed {
  readonly revision: Revision;
  readonly items: readonly Stored[];
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
  const { info } = target;
  const scope = `${kindPrefix(info)}${info.plural}/${target.namespace ?? ''}`;
  const token = options.continueToken === '' ? undefined : tokens.open(options.continueToken, scope);
  try {
    const at = await instantOf(registry, options, token);
    const herdUid = await herdUidOf(registry, target, at);
    if (herdUid === null) {
      const revision = at.revision || (await registry.store.revision(at));
      return { revision, items: [], continueToken: '', remaining: undefined };
    }
    const prefix = herdUid === undefined ? kindPrefix(info) : herdPrefix(info, herdUid);
    const found = await collect(registry, info, herdUid, options, at, token && prefix + token.after);
    const isPlain = options.labels === undefined && options.fields.length === 0;
    const last = found.items[found.items.length - 1];
    const more = found.more && last !== undefined;
    return {
      revision: found.revision,
      items: found.items,
      continueToken: more ? tokens.seal({ revision: found.revision, after: last.key.slice(prefix.length) }, scope) : '',
      remaining: more && isPlain ? found.count - found.items.length : undefined,
    };
  } catch (error) {
    throw await listError(registry, error, options, token && tokens.seal({ ...token, revision: inconsistent }, scope));
  }
}

/** The state that is read: as of a revision, or now and how fresh. */
interface Instant {
  /** 0 is now. */
  readonly revision: Revision;
  readonly serializable: boolean;
}

// https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list
async function instantOf(registry: Registry, options: ListOptions, token: ContinuePoint | undefined): Promise<Instant> {
  const { resourceVersion: text, resourceVersionMatch: match } = options;
  const wanted = text === '' ? 0 : parseVersion(text);
  if (token !== undefined) {
    if (wanted > 0) throw new ApiError('BadRequest', 'specifying resource version is not allowed when using continue');
    return { revision: token.revision === inconsistent ? 0 : token.revision, serializable: false };
  }
  if (text === '') return { revision: 0, serializable: false };
  if (wanted === 0) return { revision: 0, serializable: true };
  // A page without a match is exact, as it always was in Kubernetes.
  if (match === 'Exact' || (match === '' && options.limit > 0)) return { revision: wanted, serializable: false };
  await untilReached(registry, wanted);
  return { revision: 0, serializable: true };
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
  at: Instant,
  from: string | undefined,
): Promise<Collected> {
  const isPlain = options.labels === undefined && options.fields.length === 0;
  const { listChunk } = registry.limits;
  const items: Stored[] = [];
  let after = from;
  let { revision } = at;
  let count: number | undefined;
  for (;;) {
    const want = options.limit > 0 ? options.limit - items.length : listChunk;
    const page = await registry.store.page(info, herdUid, {
      limit: isPlain ? Math.min(want, listChunk) : listChunk,
      revision,
      serializable: at.serializable,
      name: demanded(options.fields, 'metadata.name'),
      ...(after === undefined ? {} : { after }),
    });
    if (revision === 0) revision = page.revision;
    count ??= page.count;
    const kept = isPlain ? page.items : page.items.filter((stored) => selects(options, info, stored));
    const isCut = options.limit > 0 && kept.length > want;
    for (const stored of isCut ? kept.slice(0, want) : kept) items.push(stored);
    if (!page.more || isCut || (options.limit > 0 && items.length >= options.limit)) {
      return { revision, items, more: isCut || page.more, count };
    }
    after = page.items[page.items.length - 1]?.key;
  }
}

/** How fresh a watch's beginning must be: version 0 is whatever this server has, also without a leader. */
export function freshnessOf(resourceVersion: string): Freshness {
  return { serializable: resourceVersion === '0' };
}

/** Whether a selection takes a stored object. Annotations and data, which may be sealed, cannot be selected by. */
export function selects(selection: Selection, info: KindInfo, stored: Stored): boolean {
  if (selection.labels === undefined && selection.fields.length === 0) return true;
  const object = show(info, stored.object);
  return (
    (selection.labels === undefined || selection.labels(object.metadata.labels ?? {})) &&
    fieldsMatch(selection.fields, object)
  );
}

async function listError(
  registry: Registry,
  error: unknown,
  { resourceVersion }: ListOptions,
  onward: string | undefined,
): Promise<unknown> {
  if (isApiError(error) || !(error instanceof BarnError)) return error;
  if (error.reason === 'FutureRevision' && resourceVersion !== '')
    return tooLarge(parseVersion(resourceVersion), await registry.store.revision({ serializable: true }));
  if (error.reason !== 'Compacted') return error;
  if (onward === undefined)
    return new ApiError('Expired', 'The resourceVersion for the provided list is too old.', undefined, {
      cause: error,
    });
  return new ApiError('Expired', tokenExpired, undefined, { cause: error, continueToken: onward });
}

const tokenExpired =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';
