import type { Random } from '../../base/index.ts';
import type { MemoryStorage } from '../raft/memory-storage.ts';
import type { MemberId } from '../raft/protocol.ts';
import type { RawNode } from '../raft/raw-node.ts';
import { ReadContexts } from './read-contexts.ts';

/** Reads of this member, brought before the group: a later one stands for those before it. */
export class GroupReads {
  readonly #node: RawNode;
  readonly #storage: MemoryStorage;
  readonly #contexts: ReadContexts;
  /** One that is still to be brought before the group. */
  #waiting: number | undefined;

  constructor(node: RawNode, storage: MemoryStorage, id: MemberId, random: Random) {
    this.#node = node;
    this.#storage = storage;
    this.#contexts = new ReadContexts(id, random);
  }

  /** Takes a read; `ask` brings it before the group. */
  add(read: number): void {
    this.#waiting = read;
  }

  /** There is a leader: a read that was dropped for want of one is asked again. */
  again(): void {
    this.#waiting ??= this.#contexts.open;
    this.ask();
  }

  /**
   * Brings a read before the group. A leader that is the only voter is answered by the core at once; before an entry of its own
   * term is committed it does not know yet what is, though: its log may hold what was acknowledged in its last life (thesis, 6.4).
   */
  ask(): void {
    const read = this.#waiting;
    if (read === undefined) return;
    const { role, term, commit } = this.#node.basicStatus();
    if (role === 'StateLeader' && (commit > this.#storage.lastIndex() || this.#storage.term(commit) !== term)) return;
    this.#waiting = undefined;
    this.#node.readIndex(this.#contexts.context(read));
  }

  /** The number of the read that the group answered, or undefined for one of another life. */
  answered(context: Uint8Array): number | undefined {
    return this.#contexts.readOf(context);
  }
}
