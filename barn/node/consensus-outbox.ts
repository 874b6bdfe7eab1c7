import type { Answer, Dropped, Side, StreamBegin, StreamFrame, ToConsensus, ToReplica } from './port.ts';

/** What is said one by one, and crosses as lists. */
interface Said {
  readonly answers: Answer;
  readonly dropped: Dropped;
  readonly reads: NonNullable<ToReplica['reads']>[number];
  readonly streams: StreamBegin;
  readonly frames: StreamFrame;
}

type News = Pick<ToReplica, 'standing' | 'proposed' | 'entries'>;
type Lists = { readonly [What in keyof Said]?: Said[What][] };

/** What the consensus side has to say: gathered while an event is worked off, posted at its end as one message. */
export class ConsensusOutbox {
  readonly #side: Side<ToReplica, ToConsensus>;
  readonly #onSaid: () => void;
  #news: News = {};
  #lists: Lists = {};
  #transfer: ArrayBuffer[] = [];

  /** `onSaid`: something is to be posted soon, if no event is being worked off that will end with it. */
  constructor(side: Side<ToReplica, ToConsensus>, onSaid: () => void) {
    this.#side = side;
    this.#onSaid = onSaid;
  }

  say<What extends keyof Said>(what: What, said: Said[What], transfer: readonly ArrayBuffer[] = []): void {
    const list: Lists[What] = this.#lists[what];
    if (list === undefined) this.#lists = { ...this.#lists, [what]: [said] };
    else list.push(said);
    this.#transfer.push(...transfer);
    this.#onSaid();
  }

  /** Takes the place of what was to be said of the same before. */
  news(news: News): void {
    this.#news = { ...this.#news, ...news };
    if (news.entries !== undefined) this.#transfer.push(news.entries.bytes.buffer);
  }

  post(): void {
    const message: ToReplica = { ...this.#news, ...this.#lists };
    if (Object.keys(message).length === 0) return;
    const transfer = this.#transfer;
    this.#news = {};
    this.#lists = {};
    this.#transfer = [];
    this.#side.post(message, transfer);
  }
}
