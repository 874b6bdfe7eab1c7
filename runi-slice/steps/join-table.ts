import { membersOf } from '../flow/members.ts';
import { entryBytes, MemoryBudget } from './memory-budget.ts';
import type { Fields } from './values.ts';

interface Entry {
  readonly json: string;
  readonly names: readonly string[];
  /** The members as they are added to a probe record, for the names that had to be renamed last time. */
  members: string | undefined;
  renamed: string;
}

/** The build side of a join, by key; fails with MemoryExceeded beyond its budget. */
export class BuildTable {
  readonly #alias: string;
  readonly #entries = new Map<string, Entry[]>();
  readonly #budget: MemoryBudget;
  readonly #shapes = new Map<string, readonly string[]>();

  constructor(alias: string, memoryBytesMax: number) {
    this.#alias = alias;
    this.#budget = new MemoryBudget(memoryBytesMax, `input ${alias} of the join, which is held in memory,`);
  }

  /** `json` is the record's text as it came, so that its numbers keep every digit. */
  add(key: string, record: Fields, json: string): void {
    this.#budget.add(entryBytes * 2 + json.length * 2);
    const entry: Entry = { json, names: this.#namesOf(record), members: undefined, renamed: '' };
    const others = this.#entries.get(key);
    if (others === undefined) this.#entries.set(key, [entry]);
    else others.push(entry);
  }

  /** For each match of the key, the members (`"name":value,…`) to add to the probe record. */
  matches(key: string, probe: Fields): readonly string[] {
    return (this.#entries.get(key) ?? []).map((entry) => this.#membersOf(entry, probe));
  }

  #membersOf(entry: Entry, probe: Fields): string {
    const clashing = entry.names.filter((name) => Object.hasOwn(probe, name));
    const renamed =
      clashing.length === 0 ? '' : JSON.stringify(clashing.map((name) => [name, this.#freeName(name, probe)]));
    if (entry.members === undefined || entry.renamed !== renamed) {
      const bytes = Buffer.from(entry.json);
      entry.members = [...membersOf(bytes, 0, bytes.length)]
        .map(
          ([name, value]) =>
            `${JSON.stringify(Object.hasOwn(probe, name) ? this.#freeName(name, probe) : name)}:${value}`,
        )
        .join(',');
      entry.renamed = renamed;
    }
    return entry.members;
  }

  #freeName(name: string, probe: Fields): string {
    let free = `${this.#alias}_${name}`;
    while (Object.hasOwn(probe, free)) free = `${this.#alias}_${free}`;
    return free;
  }

  #namesOf(record: Fields): readonly string[] {
    const names = Object.keys(record);
    const shape = JSON.stringify(names);
    const known = this.#shapes.get(shape);
    if (known !== undefined) return known;
    if (this.#shapes.size < 1000) this.#shapes.set(shape, names);
    return names;
  }
}
