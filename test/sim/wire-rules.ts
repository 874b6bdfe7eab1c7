// What the messages between members may say together (Raft, figure 3). A member that lies to another is seen here at once,
// long before a client could notice.
import type { Entry, MemberId, Message } from '../../barn/raft/protocol.ts';
import type { Violations } from './violations.ts';

interface Position {
  readonly term: number;
  readonly index: number;
}

/** Watches all messages of a run. */
export class WireRules {
  readonly #violations: Violations;
  readonly #leaders = new Map<number, MemberId>();
  readonly #votes = new Map<string, MemberId>();
  /** By (index, term): the term before it, and what it holds. */
  readonly #log = new Map<string, { readonly before: number | undefined; readonly content: string }>();
  /** By member and term of the leader: the last index it said it has. */
  readonly #acknowledged = new Map<string, number>();
  /** By candidate and term: where its log ended, and in which life it was. */
  readonly #candidates = new Map<string, Position & { readonly life: string }>();
  /** By index: the term of a member that first said it was committed, so that no later term is the one it was committed in. */
  readonly #committedIn: number[] = [];
  /** Committed entries by index: the entry's own term. */
  readonly #committed: number[] = [];

  /** Told when someone is first seen to lead in a term. */
  onLeader: (id: MemberId, term: number) => void = () => {};

  constructor(violations: Violations) {
    this.#violations = violations;
  }

  /** The newest leader that anyone showed to be. */
  get newestLeader(): { readonly id: MemberId; readonly term: number } | undefined {
    let newest: { readonly id: MemberId; readonly term: number } | undefined;
    for (const [term, id] of this.#leaders) if (newest === undefined || term > newest.term) newest = { id, term };
    return newest;
  }

  /** `life` names the process that sends. */
  onSent(message: Message, life: string): void {
    const { type, from, to, term } = message;
    switch (type) {
      case 'MsgApp':
        this.leads(from, term);
        this.#appends(message);
        return;
      case 'MsgHeartbeat':
      case 'MsgSnap':
        return this.leads(from, term);
      case 'MsgVote':
        this.#asks(message, life);
        return;
      case 'MsgVoteResp':
        if (!message.reject) this.#vote(from, term, to);
        return;
      case 'MsgAppResp':
        return this.#answers(message);
      default:
        return;
    }
  }

  /** Someone leads in a term, by his own word or by what he sends. */
  leads(id: MemberId, term: number): void {
    const other = this.#leaders.get(term);
    if (other === id) return;
    if (other !== undefined)
      return this.#violations.add('one leader a term', `${other} and ${id} both lead in term ${term}`);
    this.#leaders.set(term, id);
    this.onLeader(id, term);
    // Its own vote counts only once it is on disk, which a request for the votes of others does not say yet.
    this.#vote(id, term, id);
    const log = this.#candidates.get(`${id}|${term}`);
    if (log === undefined) return;
    for (let index = this.#committed.length - 1; index > 0; index--) {
      const entry = this.#committed[index];
      if (entry !== undefined && this.#isBefore(index, term))
        return this.#mustHave(id, term, log, { term: entry, index });
    }
  }

  /** A member in `term` says that all up to `upTo` is committed. */
  saysCommitted(upTo: number, term: number): void {
    for (let index = this.#committedIn.length || 1; index <= upTo; index++) this.#committedIn[index] = term;
  }

  /** An entry was committed, as a member said before: it was applied somewhere. */
  committed(index: number, term: number): void {
    if (this.#committed[index] !== undefined) return;
    this.#committed[index] = term;
    for (const [later, id] of this.#leaders) {
      const log = this.#isBefore(index, later) ? this.#candidates.get(`${id}|${later}`) : undefined;
      if (log !== undefined) this.#mustHave(id, later, log, { term, index });
    }
  }

  /** A member lost its disk, or is a new one under an old id: what it once said no longer binds. */
  forget(id: MemberId): void {
    for (const map of [this.#votes, this.#acknowledged, this.#candidates])
      for (const key of map.keys()) if (key.startsWith(`${id}|`)) map.delete(key);
  }

  /** Only the leaders after the one that committed an entry must have it; its own term may be older (Raft, figure 8). */
  #isBefore(index: number, leader: number): boolean {
    return (this.#committedIn[index] ?? Number.POSITIVE_INFINITY) < leader;
  }

  #mustHave(id: MemberId, term: number, log: Position, committed: Position): void {
    if (log.term > committed.term || (log.term === committed.term && log.index >= committed.index)) return;
    const tell = ({ term: of, index }: Position): string => `index ${index} of term ${of}`;
    this.#violations.add(
      'leader completeness',
      `${id} became leader of term ${term} with a log up to ${tell(log)}, but ${tell(committed)} is committed`,
    );
  }

  /** Who asks has voted for itself, and must not have forgotten it in its next life. */
  #asks({ from, term, logTerm, index }: Message, life: string): void {
    const key = `${from}|${term}`;
    const before = this.#candidates.get(key);
    if (before !== undefined && before.life !== life)
      this.#violations.add(
        'one vote a term',
        `${from} asks for votes in term ${term} as ${life}, as ${before.life} did`,
      );
    this.#candidates.set(key, { term: logTerm, index, life });
  }

  #vote(voter: MemberId, term: number, candidate: MemberId): void {
    const key = `${voter}|${term}`;
    const other = this.#votes.get(key) ?? candidate;
    if (other !== candidate)
      this.#violations.add('one vote a term', `${voter} voted for ${other} and ${candidate} in term ${term}`);
    this.#votes.set(key, candidate);
  }

  #appends({ from, term, index, logTerm, entries }: Message): void {
    let before: Position = { term: logTerm, index };
    this.#agrees(from, term, before);
    for (const entry of entries) {
      const key = `${entry.index}|${entry.term}`;
      const content = contentOf(entry);
      const known = this.#log.get(key);
      if (known === undefined) this.#log.set(key, { before: before.term, content });
      else if (known.content !== content || known.before !== before.term)
        this.#violations.add(
          'log matching',
          `${from} sends another entry ${entry.index} of term ${entry.term} than was sent before, or another one before it`,
        );
      if (entry.index !== before.index + 1)
        this.#violations.add('log matching', `${from} sends entry ${entry.index} after ${before.index}`);
      before = { term: entry.term, index: entry.index };
      this.#agrees(from, term, before);
    }
  }

  /** What the leader of a term sends must be what was committed before. */
  #agrees(from: MemberId, term: number, { term: of, index }: Position): void {
    const committed = this.#committed[index];
    if (committed !== undefined && committed !== of && committed < term)
      this.#violations.add(
        'leader completeness',
        `${from}, leader of term ${term}, has term ${of} at index ${index}, where term ${committed} is committed`,
      );
  }

  #answers({ from, term, index, reject, rejectHint }: Message): void {
    const key = `${from}|${term}`;
    const acknowledged = this.#acknowledged.get(key) ?? 0;
    if (!reject) this.#acknowledged.set(key, Math.max(acknowledged, index));
    else if (rejectHint < acknowledged && index > rejectHint)
      this.#violations.add(
        'acknowledged entries stay',
        `${from} has nothing after ${rejectHint}, but acknowledged up to ${acknowledged} in term ${term}`,
      );
  }
}

/** Enough of an entry to tell it from another. */
export function contentOf({ type, data }: Entry): string {
  return `${type} ${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')}`;
}
