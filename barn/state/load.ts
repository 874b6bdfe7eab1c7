import type { KeyValue } from '../barn.ts';
import { keyOf, type Sealer } from '../seal.ts';
import type { Disk } from './disk.ts';
import type { Head } from './head.ts';
import { damaged, readHead, recordKey, type Slot, slotPrefix, whereOf } from './layout.ts';
import { decodeRecord, type FoundRecord, type VersionRecord } from './record.ts';
import { type PlacedVersion, State, type ValueRoom } from './state.ts';
import { isLive } from './transaction.ts';
import { absentOf, type NewEvent } from './version.ts';

/** What a store's disk held. */
export interface LoadedState {
  readonly slot: Slot;
  readonly head: Head;
  readonly state: State;
  /** Versions on it that nobody can ask for any more: a sweep was cut short. In the order in which they must go. */
  readonly stale: readonly PlacedVersion[];
  /** What is sealed under another key than the current one, or not at all though there is one; without values. */
  readonly outdated: readonly FoundRecord[];
  /** What all of it is sealed with. */
  readonly keys: ReadonlySet<string>;
}

/** Reads a state; undefined when the disk is empty. Errors: Storage for an unknown format, Corrupt for anything damaged or missing. */
export async function loadState(
  disk: Disk,
  sealer: Sealer,
  roomIn: (slot: Slot) => ValueRoom,
): Promise<LoadedState | undefined> {
  const stored = await readHead(disk, sealer);
  if (stored === undefined) return undefined;
  const { slot, head } = stored;
  const keys = new Set([stored.key]);
  const builder = new StateBuilder(head, roomIn(slot));
  const outdated: FoundRecord[] = [];
  for await (const page of disk.pages(slotPrefix(slot))) {
    for (const [key, bytes] of page) {
      const where = whereOf(key);
      const record = decodeRecord(sealer.unseal(bytes, where), where);
      if (key !== recordKey(slot, record.kv.modRevision, record.index)) throw damaged(`${where} belongs elsewhere`);
      builder.add(record);
      const id = keyOf(bytes);
      keys.add(id);
      if (id !== sealer.currentId) outdated.push({ ...record, kv: absentOf(record.kv, record.index) });
    }
    builder.written();
  }
  return { slot, head, state: builder.finish(), stale: builder.stale, outdated, keys };
}

/** Makes a state from its head and its records: those below the compact revision, then the history in its order. */
export class StateBuilder {
  readonly stale: PlacedVersion[] = [];
  readonly #head: Head;
  readonly #state: State;
  /** What there is of a revision that is not complete: its events are made only then, since values may leave memory before. */
  #begun: KeyValue[] = [];
  #inHistory = false;

  /** Without a room it keeps all values in memory. */
  constructor(head: Head, room?: ValueRoom) {
    this.#head = head;
    this.#state = new State(room);
    this.#state.startCompacted(head.compactRevision, head.hashBefore);
    this.#passRestored();
  }

  /** Errors: Corrupt when the record does not follow the one before. */
  add(record: VersionRecord): void {
    const { kv, index, count } = record;
    const revision = this.#state.revision + 1;
    if (kv.modRevision < this.#head.compactRevision) {
      if (this.#inHistory) throw damaged(`a version of revision ${kv.modRevision} comes after ${revision}`);
      for (const dropped of this.#state.restoreOld(record)) this.stale.push(dropped);
      return;
    }
    this.#inHistory = true;
    if (kv.modRevision !== revision || index !== this.#begun.length) {
      throw damaged(`revision ${revision} is missing or not complete`);
    }
    this.#begun.push(kv);
    if (this.#begun.length < count) return;
    const events = this.#begun.map((one) => this.#eventOf(one));
    this.#begun = [];
    this.#state.apply(revision, events);
    this.#passRestored();
  }

  /** What was added is on disk: values may leave memory. */
  written(): void {
    this.#state.written(this.#state.revision);
  }

  /** The state, once it is whole. Errors: Corrupt when it is not what the head says. */
  finish(): State {
    const state = this.#state;
    const { revision, hash, versionsCount, bytes } = this.#head;
    if (this.#begun.length > 0) throw damaged(`revision ${state.revision + 1} is not complete`);
    if (state.revision !== revision)
      throw damaged(`the records end at revision ${state.revision}, but ${revision} was written`);
    if (state.hash !== hash) throw damaged(`the events up to revision ${revision} have another hash than was written`);
    if (state.versionsCount !== versionsCount || state.bytes !== bytes)
      throw damaged(`it holds ${state.versionsCount} versions of keys, but ${versionsCount} were written`);
    return state;
  }

  #eventOf(kv: KeyValue): NewEvent {
    const prev = this.#state.get(kv.key);
    const type = isLive(kv) ? 'put' : 'delete';
    return prev === undefined ? { type, kv } : { type, kv, prev };
  }

  /** The revision that a restore made has no events. */
  #passRestored(): void {
    const { revision } = this.#state;
    if (revision + 1 === this.#head.restoredRevision) this.#state.apply(revision + 1, []);
  }
}
