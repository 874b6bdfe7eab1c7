// How a Barn lies in etcd: its keys behind a prefix, its revisions counted from `origin`. An empty etcd is at revision 1
// and an empty Barn at 0, so the origin of an etcd that was empty is 1.
import type { Key, KeyValue, Revision } from '../barn.ts';
import type { EtcdKeyValue } from './kv-messages.ts';

/** The keys and revisions of one Barn, there and back. */
export class KeySpace {
  readonly prefix: string;
  readonly origin: number;

  constructor(prefix: string, origin: number) {
    this.prefix = prefix;
    this.origin = origin;
  }

  /** A key of etcd that no key of a Barn ever is. */
  get nothing(): string {
    return `${this.prefix}\x01`;
  }

  key(key: Key): string {
    return this.prefix + key;
  }

  /** [start, end) as etcd asks for it: there an empty end means one key, and an empty key is refused. */
  range(start: Key, end: Key | undefined): { readonly key: string; readonly end?: string } {
    if (end === undefined) return { key: this.key(start) };
    if (start >= end) return { key: this.nothing };
    return { key: this.key(start) || '\0', end: this.key(end) };
  }

  /** etcd's number of one of our revisions. */
  there(revision: Revision): number {
    return revision + this.origin;
  }

  /** Our number of one of etcd's. */
  here(revision: number): Revision {
    return Math.max(0, revision - this.origin);
  }

  /**
   * What to compact in etcd when we compact at `revision`: one less than its own number. The events of a compacted revision
   * keep what was before, and its deletions: etcd 3.4 forgets both at the very revision it is compacted at.
   */
  compactionThere(revision: Revision): number {
    return this.there(revision) - 1;
  }

  /** Where we are compacted when etcd is at `revision`. */
  compactionHere(revision: number): Revision {
    return revision === 0 ? 0 : this.here(revision + 1);
  }

  /** The number to compare with: an absent key has 0 here as there. */
  compared(number: Revision): number {
    return number === 0 ? 0 : this.there(number);
  }

  /** Whether a key of etcd is one of ours. */
  has(key: string): boolean {
    return key.startsWith(this.prefix);
  }

  /** A deletion has create revision and version 0 here as there. */
  kv(kv: EtcdKeyValue): KeyValue {
    return {
      key: kv.key.slice(this.prefix.length),
      value: kv.value,
      createRevision: this.here(kv.createRevision),
      modRevision: this.here(kv.modRevision),
      version: kv.version,
    };
  }
}
