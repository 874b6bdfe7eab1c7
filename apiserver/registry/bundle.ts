// A bundle's bytes: in spec.inline, or put once to the subresource content, under a key of their own.
import { createHash } from 'node:crypto';
import { ApiError, kinds, resourceOf, type StatusCause, type Unstructured } from '../../apis/index.ts';
import { at, textOf } from '../json.ts';
import * as cause from '../schema/causes.ts';
import { contentKey, openKey } from '../storage/keys.ts';
import type { Stored } from '../storage/object-store.ts';
import { fencedTxn, type KeyedFence } from './fence.ts';
import { herdIsGoing } from './going.ts';
import { type Registry, readTarget, type Target } from './registry.ts';

const inlineBytesMax = 128 * 1024;
const nameHashDigits = 10;

/** What is wrong with a new bundle beyond its schema. */
export function bundleProblems(bundle: Unstructured): StatusCause[] {
  const hash = textOf(at(bundle, 'spec.hash')) ?? '';
  const problems: StatusCause[] = [];
  if (!(bundle.metadata.name ?? '').endsWith(hash.slice(0, nameHashDigits))) {
    const words = `must end in the first ${nameHashDigits} hex digits of spec.hash`;
    problems.push(cause.invalid('metadata.name', bundle.metadata.name, words));
  }
  const inline = textOf(at(bundle, 'spec.inline'));
  if (inline === undefined) return problems;
  const bytes = Buffer.from(inline, 'base64');
  if (bytes.length > inlineBytesMax) {
    problems.push(cause.tooLong('spec.inline', inlineBytesMax));
  }
  const why = mismatch(bundle, bytes);
  if (why !== undefined) problems.push(cause.invalid(`spec.${why.field}`, at(bundle, `spec.${why.field}`), why.words));
  return problems;
}

/** The bytes. Errors: NotFound when there is no such bundle, or nothing was put yet. */
export async function getContent(registry: Registry, target: Target): Promise<Uint8Array> {
  const stored = await readTarget(registry, target);
  const inline = textOf(at(stored.object, 'spec.inline'));
  if (inline !== undefined) return Buffer.from(inline, 'base64');
  const found = await registry.store.barn.range(contentKey(stored.object.metadata.uid ?? ''));
  const [content] = found.items;
  if (content === undefined) {
    const name = stored.object.metadata.name ?? '';
    const message = `${resourceOf(kinds.bundles)} "${name}" has no content yet; PUT its bytes to the subresource content`;
    throw new ApiError('NotFound', message, { name, group: kinds.bundles.group, kind: kinds.bundles.plural });
  }
  return content.value;
}

/** Puts the bytes; again with the same ones changes nothing. Errors: NotFound, Invalid (other size or hash), Forbidden (herd is going). */
export async function putContent(
  registry: Registry,
  target: Target,
  bytes: Uint8Array,
  fence: KeyedFence | undefined,
): Promise<void> {
  for (let attempt = 0; attempt <= registry.limits.conflictRetriesMax; attempt++) {
    const stored = await readTarget(registry, target);
    const why = mismatch(stored.object, bytes);
    if (why !== undefined) {
      throw new ApiError('Invalid', `the content of bundle "${target.name ?? ''}" is invalid: ${why.words}`);
    }
    if (at(stored.object, 'spec.inline') !== undefined || (await isPut(registry, target, stored, bytes, fence))) return;
  }
  const name = target.name ?? '';
  const message = `Operation cannot be fulfilled on ${resourceOf(kinds.bundles)} "${name}": it was changed all the while`;
  throw new ApiError('Conflict', message, { name, group: kinds.bundles.group, kind: kinds.bundles.plural });
}

/** Whether the content is there now; false when the bundle changed meanwhile, and may be another of the same name. */
async function isPut(
  registry: Registry,
  target: Target,
  stored: Stored,
  bytes: Uint8Array,
  fence: KeyedFence | undefined,
): Promise<boolean> {
  const key = contentKey(stored.object.metadata.uid ?? '');
  const open = openKey(stored.herdUid ?? '');
  const result = await fencedTxn(
    registry,
    fence,
    [
      { target: 'mod', key: stored.key, op: '=', number: stored.revision },
      { target: 'version', key: open, op: '>', number: 0 },
      { target: 'version', key, op: '=', number: 0 },
    ],
    [{ do: 'put', key, value: bytes }],
    [
      { do: 'get', key: stored.key },
      { do: 'get', key },
      { do: 'get', key: open },
    ],
  );
  if (result.succeeded) return true;
  const [there, content, isOpen] = result.results;
  if (there?.modRevision !== stored.revision) return false;
  if (content === undefined && isOpen === undefined) throw herdIsGoing(target);
  return true;
}

function mismatch(
  bundle: Unstructured,
  bytes: Uint8Array,
): { readonly field: string; readonly words: string } | undefined {
  const size = at(bundle, 'spec.size');
  if (bytes.length !== size)
    return { field: 'size', words: `the bytes are ${bytes.length}, spec.size says ${String(size)}` };
  const hash = createHash('sha256').update(bytes).digest('hex');
  const said = textOf(at(bundle, 'spec.hash'));
  return hash === said
    ? undefined
    : { field: 'hash', words: `the SHA-256 of the bytes is ${hash}, spec.hash says ${said ?? ''}` };
}
