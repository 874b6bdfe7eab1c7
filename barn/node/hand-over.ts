import { decodeConfChange } from '../raft/conf-change.ts';
import type { ConfChange, ConfState, Entry, MemberId, Message } from '../raft/protocol.ts';
import type { RawNode } from '../raft/raw-node.ts';
import { packEntries } from './packing.ts';
import type { PackedEntries } from './port.ts';

type Change = PackedEntries['changes'][number];

/**
 * The apply thread of the core: committed entries go to the state side, and the core hears when they were applied. The core
 * itself bounds how much is under way. Changes of the configuration take effect here, as they are handed over.
 */
export class HandOver {
  readonly #node: RawNode;
  readonly #onChange: (change: ConfChange, confState: ConfState) => void;
  readonly #applyingBytesMax: number;
  #underWay: { readonly last: number; readonly bytes: number; readonly responses: readonly Message[] }[] = [];
  #underWayBytes = 0;
  #entries: Entry[] = [];
  #changes: Change[] = [];

  constructor(options: {
    readonly node: RawNode;
    /** What the core lets be under way. */
    readonly applyingBytesMax: number;
    readonly onChange: (change: ConfChange, confState: ConfState) => void;
  }) {
    this.#node = options.node;
    this.#applyingBytesMax = options.applyingBytesMax;
    this.#onChange = options.onChange;
  }

  /** Takes a MsgStorageApply. */
  take({ entries, responses = [] }: Message): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    let bytes = 0;
    for (const entry of entries) {
      this.#entries.push(entry);
      bytes += entry.data.byteLength;
      if (entry.type !== 'EntryNormal') this.#change(entry);
    }
    this.#underWay.push({ last: last.index, bytes, responses });
    this.#underWayBytes += bytes;
  }

  /** What the state side gets now. */
  packed(committed: number, logBytes: number): PackedEntries | undefined {
    const first = this.#entries[0]?.index;
    if (first === undefined) return undefined;
    const entries = this.#entries;
    const changes = this.#changes;
    this.#entries = [];
    this.#changes = [];
    // Before the core has to wait; and a change waits for the one before it.
    const isAwaited = this.#underWayBytes > this.#applyingBytesMax / 2 || changes.length > 0;
    return { first, count: entries.length, bytes: packEntries(entries), changes, committed, logBytes, isAwaited };
  }

  /** The state side has applied everything up to `index`: what the core wants to hear of it. */
  applied(index: number): readonly Message[] {
    const count = this.#underWay.findIndex(({ last }) => last > index);
    const done = this.#underWay.splice(0, count < 0 ? this.#underWay.length : count);
    for (const { bytes } of done) this.#underWayBytes -= bytes;
    return done.flatMap(({ responses }) => responses);
  }

  #change({ index, data }: Entry): void {
    const change = decodeConfChange(data);
    // Every member sees the same configuration here, so that all refuse the same.
    if (!isAllowed(change, this.#node.status().config)) return;
    const confState = this.#node.applyConfChange(change);
    this.#changes.push({ index, confState, confChange: change });
    this.#onChange(change, confState);
  }
}

/** Whether a change makes sense in the configuration that it meets; one proposed at the same time as another may not. */
export function isAllowed({ changes }: ConfChange, confState: ConfState): boolean {
  const { voters, learners, votersOutgoing } = confState;
  const isKnown = (id: MemberId): boolean => voters.includes(id) || learners.includes(id);
  if (changes.length === 0) return votersOutgoing.length > 0;
  if (votersOutgoing.length > 0) return false;
  // Each member once, so that what each change makes does not depend on the others.
  if (new Set(changes.map(({ id }) => id)).size < changes.length) return false;
  if (votersAfter(changes, voters).length === 0) return false;
  return changes.every(({ type, id }) => {
    switch (type) {
      case 'ConfChangeAddLearnerNode':
        return !isKnown(id);
      case 'ConfChangeAddNode':
        return learners.includes(id);
      case 'ConfChangeRemoveNode':
        return isKnown(id);
      default:
        return isKnown(id);
    }
  });
}

/** Who votes once the changes are made; each is about another member. */
export function votersAfter(changes: ConfChange['changes'], voters: readonly MemberId[]): readonly MemberId[] {
  const added = changes.filter(({ type }) => type === 'ConfChangeAddNode').map(({ id }) => id);
  const removed = changes.filter(({ type }) => type === 'ConfChangeRemoveNode').map(({ id }) => id);
  return [...voters.filter((id) => !removed.includes(id) && !added.includes(id)), ...added];
}
