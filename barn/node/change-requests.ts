import { decodeConfChange, encodeConfChange } from '../raft/conf-change.ts';
import type { ConfChange, Entry } from '../raft/protocol.ts';
import type { RawNode } from '../raft/raw-node.ts';
import type { Transport } from '../transport/transport.ts';
import { type Refusal, refusalOf } from './change-rules.ts';
import type { Peers } from './peers.ts';
import { type ChangeAnswer, decodeChangeAnswer, decodeQuestion, encodeSaying } from './questions.ts';

/** Changes of the members at the consensus side: the leader judges and proposes them, the others ask it to. */
export class ChangeRequests {
  readonly #node: RawNode;
  readonly #peers: Peers;
  readonly #transport: Transport;
  readonly #guard: (work: () => void) => void;
  #lastAppended: Entry | undefined;

  constructor(options: {
    readonly node: RawNode;
    readonly peers: Peers;
    readonly transport: Transport;
    /** Does something to the core, then all that follows from it, before it returns. */
    readonly guard: (work: () => void) => void;
  }) {
    this.#node = options.node;
    this.#peers = options.peers;
    this.#transport = options.transport;
    this.#guard = options.guard;
  }

  /** The core's log has grown by these. */
  appended(entries: readonly Entry[]): void {
    this.#lastAppended = entries.at(-1) ?? this.#lastAppended;
  }

  /** Brings a change of the members before the leader. Resolves why it was refused, or undefined. */
  async change(change: ConfChange): Promise<Refusal | undefined> {
    const { id, leader } = this.#node.basicStatus();
    if (leader === id) return refusalIn(this.#propose(change));
    const url = this.#peers.record(leader)?.peerUrl;
    if (url === undefined) return { reason: 'NoLeader', message: 'there is no leader: try again' };
    const question = encodeSaying({ kind: 'change', change: Buffer.from(encodeConfChange(change)).toString('base64') });
    try {
      return refusalIn(decodeChangeAnswer(await this.#transport.ask(url, question)));
    } catch (error) {
      return {
        reason: 'Unknown',
        message: `the leader was asked to change the members and did not answer: ${String(error)}`,
      };
    }
  }

  /** Answers a peer's question. */
  question(bytes: Uint8Array): Uint8Array {
    const question = decodeQuestion(bytes);
    if (question.kind === 'change')
      return encodeSaying(this.#propose(decodeConfChange(Buffer.from(question.change, 'base64'))));
    const { progress } = this.#node.status();
    const record = this.#peers.record(question.id);
    const match = progress.find(({ id }) => id === question.id)?.match ?? 0;
    const { members, format } = this.#peers;
    return encodeSaying({ members, hasRun: (record?.format ?? 0) > 0 || match > 1, format });
  }

  /** Judges a change and proposes it, as the leader. */
  #propose(change: ConfChange): ChangeAnswer {
    const refusal = refusalOf(change, this.#node.status());
    if (refusal !== undefined) return { done: false, ...refusal };
    let refused: string | undefined;
    this.#guard(() => {
      refused = this.#node.proposeConfChange(change);
    });
    if (refused !== undefined)
      return { done: false, reason: 'NoLeader', message: 'the change was not taken: try again' };
    // The core puts an empty entry in place of a change that cannot be made now.
    if (this.#lastAppended?.type === 'EntryNormal')
      return { done: false, reason: 'Membership', message: 'another change of the members is under way: try again' };
    return { done: true };
  }
}

function refusalIn(answer: ChangeAnswer): Refusal | undefined {
  return answer.done ? undefined : { reason: answer.reason, message: answer.message };
}
