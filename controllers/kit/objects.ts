// Small questions about objects that several controllers ask.
import { type ApiObject, isApiError, type Ref, type Slice } from '../../apis/index.ts';

/** `HERD/NAME`, or `NAME` of a cluster object. */
export function keyOf({ metadata: { namespace, name = '' } }: ApiObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** What `keyOf` was made of. */
export function refOfKey(key: string): Ref {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** Whether the slice has its final phase. */
export function isEnded({ status }: Slice): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed' || status?.phase === 'Lost';
}

/** A time as objects carry it: RFC 3339, whole seconds. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** The value, or undefined when the object is gone. */
export async function orGone<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (cause) {
    if (isApiError(cause, 'NotFound')) return undefined;
    throw cause;
  }
}
