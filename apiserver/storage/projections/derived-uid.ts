import { createHash } from 'node:crypto';

/** Any fixed UUID does; it makes the derived ones ours. */
const namespaceOfUids = Buffer.from('8f0c1a7e5d3b4c6a9e2f7b1d4a6c8e03', 'hex');

/** UUIDv5 (RFC 9562, 5.5) of `name`. */
export function derivedUid(name: string): string {
  const hash = createHash('sha1').update(namespaceOfUids).update(name).digest().subarray(0, 16);
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
