import type { MemberId, Message } from '../raft/protocol.ts';
import type { Transport } from '../transport/transport.ts';

/** What goes to peers: at once, or, where nobody waits for it, with what goes next. */
export class PeerMail {
  readonly #transport: Transport;
  /** The last answer for each peer that has not gone yet. */
  readonly #late = new Map<MemberId, Message>();

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Sends them, after what was to go with them. */
  send(messages: readonly Message[]): void {
    if (messages.length === 0) return;
    // The newer answer says all that the older would have.
    for (const { to, type } of messages) if (type === 'MsgAppResp') this.#late.delete(to);
    this.#takeLate();
    this.#transport.send(messages);
    this.#transport.flush();
  }

  /** An answer to an append that brought nothing but a new commit index: it goes with the next message, or at the next tick. */
  later(answer: Message): void {
    this.#late.set(answer.to, answer);
  }

  sendLate(): void {
    if (this.#late.size === 0) return;
    this.#takeLate();
    this.#transport.flush();
  }

  #takeLate(): void {
    if (this.#late.size === 0) return;
    this.#transport.send([...this.#late.values()]);
    this.#late.clear();
  }
}
