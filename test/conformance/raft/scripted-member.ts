import { decodeConfChange } from '../../../barn/raft/conf-change.ts';
import { MemoryStorage } from '../../../barn/raft/memory-storage.ts';
import type { ConfState, Entry, HardState, Message, RaftConfig, Snapshot } from '../../../barn/raft/protocol.ts';
import { RawNode } from '../../../barn/raft/raw-node.ts';

/** A node whose next election a script can time. */
class ScriptedNode extends RawNode {
  setElectionTimeout(ticks: number): void {
    this.raft.electionTimeout = ticks;
  }
}

/** What the storage answers when a snapshot is asked for: always the newest state. */
class NewestStorage extends MemoryStorage {
  readonly history: Snapshot[];

  constructor(first: Snapshot) {
    super();
    this.history = [first];
  }

  override snapshot(): Snapshot {
    return this.history.at(-1) ?? super.snapshot();
  }
}

/** One member of a script's group, with its storage and the work that waits for its threads. */
export class ScriptedMember {
  readonly node: ScriptedNode;
  readonly storage: NewestStorage;
  readonly config: RaftConfig;
  readonly appendWork: Message[] = [];
  readonly applyWork: Message[] = [];

  constructor(first: Snapshot, config: Omit<RaftConfig, 'storage'>) {
    this.storage = new NewestStorage(first);
    if (first.index > 0) this.storage.applySnapshot(first);
    this.config = { ...config, storage: this.storage };
    this.node = new ScriptedNode(this.config);
  }

  append(hardState: HardState | undefined, entries: readonly Entry[], snapshot: Snapshot | undefined): void {
    if (hardState !== undefined) this.storage.setHardState(hardState);
    if (snapshot !== undefined) this.storage.applySnapshot(snapshot);
    else this.storage.append(entries);
  }

  apply(entries: readonly Entry[]): void {
    for (const { term, index, type, data } of entries) {
      const before = this.storage.snapshot().confState;
      const confState: ConfState = type === 'EntryNormal' ? before : this.node.applyConfChange(decodeConfChange(data));
      this.storage.history.push({ index, term, confState });
    }
  }
}
