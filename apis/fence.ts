// What a write says of its writer's lead: it is refused once the lease is no longer held as it was.
import type { Ref } from './object.ts';

/** A write with this header is done only if the lease in it is still held so; its value is made by `fenceText`. */
export const fenceHeader = 'runink-fence';

/** A lease, and how it was held when the writer began to lead. */
export interface Fence {
  readonly lease: Ref & { readonly namespace: string };
  /** `HOLDER/TRANSITIONS` of the lease. */
  readonly epoch: string;
}

/** `NAMESPACE/NAME/HOLDER/TRANSITIONS`, percent-encoded as a URI is: a holder may be called anything. */
export function fenceText({ lease, epoch }: Fence): string {
  return encodeURI(`${lease.namespace}/${lease.name}/${epoch}`);
}

/** What `fenceText` made, or undefined. */
export function readFence(text: string): Fence | undefined {
  try {
    const [, namespace, name, epoch] = /^([^/]+)\/([^/]+)\/(.+\/\d+)$/.exec(decodeURI(text)) ?? [];
    return namespace === undefined || name === undefined || epoch === undefined
      ? undefined
      : { lease: { namespace, name }, epoch };
  } catch {
    // A % that encodes nothing.
    return undefined;
  }
}
