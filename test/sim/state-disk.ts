// The disk under a member's state, as LevelDB promises it: batches are whole and in order; after a crash what is there is what
// the batches up to some batch left, none before the last synced one. A damaged record is found when it is read.
import { BarnError } from '../../barn/index.ts';
import type { Disk, DiskWrite } from '../../barn/state/disk.ts';
import type { Chance } from './chance.ts';
import { never, type SimProcess } from './process.ts';
import type { DiskFaults } from './volume.ts';

type Change = readonly DiskWrite[] | { readonly clear: string };
type Batch = 'write' | 'sync' | 'clear';
type Work = Batch | 'get' | 'pages' | 'reclaim' | 'close';
const pageLength = 100;

/** What survives crashes of one member's state. */
export class SimStateDisk {
  readonly faults: DiskFaults;
  readonly #chance: Chance;
  #stable = new Map<string, Uint8Array>();
  #visible = new Map<string, Uint8Array>();
  /** Asked for since the last sync, in order. */
  #loose: Change[] = [];
  readonly #damaged = new Set<string>();
  readonly #swapped = new Set<string>();

  constructor(chance: Chance, faults: DiskFaults) {
    this.#chance = chance;
    this.faults = faults;
  }

  get isEmpty(): boolean {
    return this.#stable.size === 0;
  }

  /** Whether all that is there can be read. */
  get isWhole(): boolean {
    return [...this.#damaged, ...this.#swapped].every((key) => !this.#stable.has(key) && !this.#visible.has(key));
  }

  /** The map as one life of the member sees it; when it dies, what was not synced is kept up to some batch. */
  attach(process: SimProcess): Disk {
    process.onDeath(() => this.#settleLoose());
    let lastMs = 0;
    const took = async (what: Work, meanMs: number): Promise<boolean> => {
      if (!process.passes(`state.${what}.before`)) return false;
      const { loop } = process;
      lastMs = Math.max(lastMs, loop.nowMs + 0.02 + this.#chance.around(meanMs * this.faults.slowness));
      await loop.delay(lastMs - loop.nowMs, `${process.name} state ${what}`, process);
      return process.passes(`state.${what}.middle`);
    };
    const change = async (what: Batch, one: Change, sync: boolean): Promise<void> => {
      if (!process.alive) return never();
      this.#loose.push(one);
      if (!(await took(what, sync ? 2 : 0.2))) return never();
      this.#fail();
      apply(this.#visible, one);
      if (sync) this.#syncUpTo(one);
      if (!process.passes(`state.${what}.after`)) return never();
    };
    return {
      get: async (key) => ((await took('get', 0.05)) ? this.#read(key) : never()),
      getMany: (keys) => this.#getMany(keys, this.#visible, () => took('get', 0.05)),
      getNow: (key) => this.#read(key),
      view: () => {
        const then = new Map(this.#visible);
        return { getMany: (keys) => this.#getMany(keys, then, () => took('get', 0.05)), close: async () => {} };
      },
      pages: (prefix) => this.#pages(prefix, () => took('pages', 0.1)),
      write: (writes, { sync }) => change(sync ? 'sync' : 'write', writes, sync),
      clear: (prefix) => change('clear', { clear: prefix }, false),
      // Here what was deleted takes no room.
      reclaim: async () => ((await took('reclaim', 2)) ? undefined : never()),
      sizeBytes: async () => [...this.#visible.values()].reduce((sum, value) => sum + value.byteLength, 0),
      close: async () => {
        if (!(await took('close', 0.1))) return never();
        this.#syncUpTo(this.#loose.at(-1));
      },
    };
  }

  /** Damages a record; false when there is none. */
  damage(): boolean {
    const keys = [...this.#visible.keys()];
    if (keys.length === 0) return false;
    this.#damaged.add(this.#chance.pick(keys));
    return true;
  }

  /** Puts a record in the place of another, and that in its place: each is whole. */
  swap(): void {
    const [one, other] = this.#chance.shuffle([...this.#visible.keys()].filter((key) => key.startsWith('d')));
    if (one === undefined || other === undefined) return;
    for (const map of [this.#stable, this.#visible]) {
      const [first, second] = [map.get(one), map.get(other)];
      if (first === undefined || second === undefined) continue;
      map.set(one, second).set(other, first);
    }
    this.#swapped.add(one).add(other);
  }

  /** A new disk in the place of the old one. */
  wipe(): void {
    this.#stable.clear();
    this.#visible.clear();
    this.#damaged.clear();
    this.#swapped.clear();
    this.#loose = [];
  }

  async *#pages(
    prefix: string,
    turn: () => Promise<boolean>,
  ): AsyncGenerator<readonly (readonly [string, Uint8Array])[]> {
    const keys = [...this.#visible.keys()].filter((key) => key.startsWith(prefix)).sort();
    const entries = keys.map((key) => [key, this.#visible.get(key)] as const);
    for (let at = 0; at < entries.length; at += pageLength) {
      if (!(await turn())) await never();
      const page: (readonly [string, Uint8Array])[] = [];
      for (const [key, value] of entries.slice(at, at + pageLength)) {
        this.#check(key);
        if (value !== undefined) page.push([key, new Uint8Array(value)]);
      }
      yield page;
    }
  }

  async #getMany(
    keys: readonly string[],
    from: ReadonlyMap<string, Uint8Array>,
    turn: () => Promise<boolean>,
  ): Promise<readonly (Uint8Array | undefined)[]> {
    const found = keys.map((key) => from.get(key));
    if (!(await turn())) return never();
    for (const key of keys) this.#check(key);
    return found.map((value) => value && new Uint8Array(value));
  }

  #read(key: string): Uint8Array | undefined {
    this.#check(key);
    const value = this.#visible.get(key);
    return value === undefined ? undefined : new Uint8Array(value);
  }

  #check(key: string): void {
    if (this.#damaged.has(key)) throw new BarnError('Corrupt', `read ${key}: the checksum of its block is wrong`);
  }

  #fail(): void {
    if (this.faults.failNext) {
      this.faults.failNext = false;
      throw new Error('IO error: input/output error');
    }
    if (this.faults.freeBytes <= 0) throw new Error('IO error: no space left on device');
  }

  #syncUpTo(last: Change | undefined): void {
    const count = last === undefined ? 0 : this.#loose.indexOf(last) + 1;
    for (const one of this.#loose.splice(0, count)) apply(this.#stable, one);
  }

  #settleLoose(): void {
    const kept = this.#chance.between(0, this.#loose.length);
    for (const one of this.#loose.splice(0, kept)) apply(this.#stable, one);
    // Deleting a range is many batches: some of them may have been kept.
    const [next] = this.#loose;
    if (next !== undefined && 'clear' in next)
      for (const key of [...this.#stable.keys()])
        if (key.startsWith(next.clear) && this.#chance.happens(0.5)) this.#stable.delete(key);
    this.#loose = [];
    this.#visible = new Map(this.#stable);
    // What is lost is not damaged: the same may be written anew.
    for (const wrong of [this.#damaged, this.#swapped])
      for (const key of wrong) if (!this.#stable.has(key)) wrong.delete(key);
  }
}

function apply(map: Map<string, Uint8Array>, change: Change): void {
  if ('clear' in change) {
    for (const key of [...map.keys()]) if (key.startsWith(change.clear)) map.delete(key);
    return;
  }
  for (const write of change) {
    if (write.type === 'del') map.delete(write.key);
    else map.set(write.key, new Uint8Array(write.value));
  }
}
