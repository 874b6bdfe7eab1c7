import { type Key, prefixEnd } from '../barn.ts';
import type { Interest, LogEntry } from './event-log.ts';
import type { Watcher } from './watcher.ts';

/** Watches that ask for the same: what one gets, all get, the same objects. */
export interface WatchGroup {
  readonly interest: Interest;
  readonly watchers: Set<Watcher>;
}

/** Groups by their names, which say what they ask for. */
type Groups = Map<string, WatchGroup>;

/**
 * Who watches what. A key finds those who watch it, or a prefix of it, at the cost of one look for each length of a prefix that
 * somebody watches; other ranges are looked at one by one.
 */
export class WatchGroups {
  readonly #ofKey = new Map<Key, Groups>();
  readonly #ofPrefix = new Map<Key, Groups>();
  /** How many prefixes of each length are watched. */
  readonly #prefixLengths = new Map<number, number>();
  readonly #ofRange: Groups = new Map();

  add(watcher: Watcher): void {
    const { interest } = watcher;
    const groups = this.#groupsFor(interest);
    const name = nameOf(interest);
    const group = groups.get(name);
    if (group !== undefined) group.watchers.add(watcher);
    else groups.set(name, { interest, watchers: new Set([watcher]) });
  }

  /** Nothing happens when it is not there. */
  delete(watcher: Watcher): void {
    const { start } = watcher.interest;
    const kind = kindOf(watcher.interest);
    const groups = kind === 'range' ? this.#ofRange : this.#mapOf(kind).get(start);
    const name = nameOf(watcher.interest);
    const group = groups?.get(name);
    if (groups === undefined || group === undefined) return;
    group.watchers.delete(watcher);
    if (group.watchers.size > 0) return;
    groups.delete(name);
    if (kind === 'range' || groups.size > 0) return;
    this.#mapOf(kind).delete(start);
    if (kind === 'prefix') this.#countPrefix(start.length, -1);
  }

  /** Calls `tell` once with every group that asks for one of the keys of an entry, and with others that may not. */
  forEach(entry: LogEntry, tell: (group: WatchGroup) => void): void {
    const [first, second] = entry.events;
    if (first !== undefined && second === undefined) {
      this.#forKey(first.kv.key, tell);
    } else {
      const seen = new Set<WatchGroup>();
      for (const { kv } of entry.events) this.#forKey(kv.key, (group) => seen.add(group));
      for (const group of seen) tell(group);
    }
    for (const group of this.#ofRange.values()) tell(group);
  }

  /** All watchers; they may leave meanwhile. */
  *watchers(): Generator<Watcher> {
    for (const groupsByKey of [this.#ofKey, this.#ofPrefix]) {
      for (const groups of groupsByKey.values()) for (const { watchers } of groups.values()) yield* watchers;
    }
    for (const { watchers } of this.#ofRange.values()) yield* watchers;
  }

  #forKey(key: Key, tell: (group: WatchGroup) => void): void {
    const exact = this.#ofKey.get(key);
    if (exact !== undefined) for (const group of exact.values()) tell(group);
    for (const length of this.#prefixLengths.keys()) {
      if (length > key.length) continue;
      const groups = this.#ofPrefix.get(key.slice(0, length));
      if (groups !== undefined) for (const group of groups.values()) tell(group);
    }
  }

  #groupsFor(interest: Interest): Groups {
    const kind = kindOf(interest);
    if (kind === 'range') return this.#ofRange;
    const map = this.#mapOf(kind);
    const known = map.get(interest.start);
    if (known !== undefined) return known;
    const groups: Groups = new Map();
    map.set(interest.start, groups);
    if (kind === 'prefix') this.#countPrefix(interest.start.length, 1);
    return groups;
  }

  #mapOf(kind: 'key' | 'prefix'): Map<Key, Groups> {
    return kind === 'key' ? this.#ofKey : this.#ofPrefix;
  }

  #countPrefix(length: number, change: number): void {
    const count = (this.#prefixLengths.get(length) ?? 0) + change;
    if (count > 0) this.#prefixLengths.set(length, count);
    else this.#prefixLengths.delete(length);
  }
}

function kindOf({ start, end }: Interest): 'key' | 'prefix' | 'range' {
  if (end === undefined) return 'key';
  return start.length > 0 && end === prefixEnd(start) ? 'prefix' : 'range';
}

// No key holds the separator, which is not printable.
function nameOf({ start, end, prevValue }: Interest): string {
  return `${start}\n${end ?? '\r'}\n${prevValue}`;
}
