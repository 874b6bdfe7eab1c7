// Objects that are shown as they are stored go out as the bytes that lie in the Barn: only the version is put in.
import { apiVersionOf, type KindInfo, kindInfos, kinds } from '../../apis/index.ts';
import type { Revision } from '../../barn/index.ts';
import type { Stored } from './object-store.ts';

/** Bytes to be sent one after another. */
export type Pieces = readonly Uint8Array[];

// Secrets are sealed, a projection is stored as another kind, and what users define may be stored in another version and
// gets its defaults when it is read.
const asStored: ReadonlySet<KindInfo> = new Set(
  kindInfos.filter((info) => info.projectionOf === undefined && info !== kinds.secrets),
);

const heads = new Map<KindInfo, Buffer>();

/** `{"apiVersion":…,"kind":…,"metadata":{`, with which every such object begins. */
function headOf(info: KindInfo): Buffer {
  let head = heads.get(info);
  if (head === undefined) {
    const { kind } = info;
    const text = JSON.stringify({ apiVersion: apiVersionOf(info), kind, metadata: {} });
    head = Buffer.from(text.slice(0, -2));
    heads.set(info, head);
  }
  return head;
}

/**
 * The JSON of an object with its version (or with `revision`), without parsing it; undefined when it must be parsed to be
 * shown. The pieces are the store's: never change them.
 */
export function shownBytes(info: KindInfo, stored: Stored, revision: Revision = stored.revision): Pieces | undefined {
  if (!asStored.has(info)) return undefined;
  const head = headOf(info);
  const { value } = stored;
  // A name follows, so there is a field to come after the version's comma.
  if (value[head.length] !== quote || head.compare(value, 0, head.length) !== 0) return undefined;
  return [head, Buffer.from(`"resourceVersion":"${revision}",`), value.subarray(head.length)];
}

const quote = 0x22;
