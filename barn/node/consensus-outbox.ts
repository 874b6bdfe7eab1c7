import type { Answer, Dropped, Side, StreamBegin, StreamFrame, ToConsensus, ToReplica } from './port.ts';

/** What is said one by one, and crosses as lists. */
interface Said {
  readonly answers: Answer;
  readonly dropped: Dropped;
  readonly reads: NonNullable<ToReplica['reads']>[number];
  readonly streams: StreamBegin;
  readonly frames: StreamFrame;
}

type News = Pick<ToReplica, 'standing' | 'entries'>;
type Lists = { readonly [What in keyof Said]?: Said[What][] };

/** What the consensus side has to say: gathered while an event is worked off, posted at its end as one message. */
export class ConsensusOutbox {
  readonly #side: Side<ToReplica, ToConsensus>;
  readonly #onSaid: () => void;
  #news: News = {};
  #lists: Lists = {};
  #proposed: ToReplica['proposed'];
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

  /** As news, of commands handed over: nobody is woken for it, it crosses with what is said next or with `postAll`. */
  proposed(upTo: number, term: number): void {
    // What was handed over in another term must not be taken for this one's.
    if (this.#proposed !== undefined && this.#proposed.term !== term) this.postAll();
    this.#proposed = { upTo, term };
  }

  /** Posts what somebody waits for, and with it all there is. */
  post(): void {
    const said = { ...this.#news, ...this.#lists };
    if (Object.keys(said).length > 0) this.#post(said);
  }

  postAll(): void {
    if (this.#proposed === undefined) this.post();
    else this.#post({ ...this.#news, ...this.#lists });
  }

  #post(said: ToReplica): void {
    const message = this.#proposed === undefined ? said : { ...said, proposed: this.#proposed };
    const transfer = this.#transfer;
    this.#news = {};
    this.#lists = {};
    this.#proposed = undefined;
    this.#transfer = [];
    this.#side.post(message, transfer);
  }
}
