// Whether a history of calls could have come from one store that does one thing at a time, each between its call and its
// return. That is a search in general (Wing and Gong 1993, Lowe 2017); the store's revisions make nearly all of it a walk:
// a transaction that changed something says at which revision, so the writes are ordered, and a read says after which it stands.
// Left to search are calls without an answer, which may have made any revision that nobody else claims. Revisions are shared
// by all keys, so the history is not parted by key. Complete: what it accepts has an order, what it refuses has none.
import type { BarnEvent, KeyValue, Revision } from '../../barn/index.ts';
import { type Call, hasChanged } from './history.ts';
import { emptyState, type ModelState, modelRange, modelTxn, sameKeyValues, tellKeyValue } from './model.ts';

/** A history that no single store could have given, or one that cannot be decided within the bound. */
export interface Violation {
  readonly rule: 'linearizable';
  readonly what: string;
}

/** An order was found: the states of all revisions, and which call made each. */
export interface Linearization {
  readonly states: readonly ModelState[];
  readonly makers: readonly (Call | undefined)[];
}

/** More steps of the search than this end it as undecided, which counts as a violation. */
const searchStepsMax = 500_000;

/** What a revision probably did. It says only which way the search goes first: an order that is found holds without it. */
export type Likely = (revision: Revision) => readonly BarnEvent[] | undefined;

/** Looks for an order. Calls that were refused had no effect and are left out. */
export function linearize(calls: readonly Call[], likely: Likely = () => undefined): Linearization | Violation {
  const { writes, reads, unknown, doubled } = sorted(calls);
  if (doubled !== undefined) return doubled;
  return againstTime([...writes.values()], reads) ?? new Search(writes, reads, unknown, likely).run();
}

/** A read as the search needs it: the state it claims, what it saw there, and its place in the order. */
interface Read {
  readonly call: Call;
  /** It stands after this revision and before the next one. */
  readonly after: Revision;
  /** It may stand earlier than its call, but not later than its return. */
  readonly isStale: boolean;
  /** The revision whose state it shows; undefined when it shows none. */
  readonly of: Revision | undefined;
}

interface Sorted {
  readonly writes: ReadonlyMap<Revision, Call>;
  readonly reads: readonly Read[];
  readonly unknown: readonly Call[];
  readonly doubled: Violation | undefined;
}

function sorted(calls: readonly Call[]): Sorted {
  const writes = new Map<Revision, Call>();
  const reads: Read[] = [];
  const unknown: Call[] = [];
  let doubled: Violation | undefined;
  for (const call of calls) {
    const { request, answer } = call;
    if (answer.kind === 'unknown' && request.kind === 'txn') unknown.push(call);
    if (answer.kind === 'readIndex') reads.push({ call, after: answer.revision, isStale: false, of: undefined });
    if (answer.kind === 'range' && request.kind === 'range') {
      const { revision } = answer.result;
      const of = request.revision === 0 ? revision : request.revision;
      if (of > revision)
        doubled ??= violation(`call ${call.id} read revision ${of} of a store that stood at ${revision}`);
      reads.push({ call, after: revision, isStale: request.serializable, of });
    }
    if (answer.kind !== 'txn') continue;
    const { revision } = answer.result;
    const other = writes.get(revision);
    if (!hasChanged(request, answer.result)) reads.push({ call, after: revision, isStale: false, of: revision });
    else if (other === undefined) writes.set(revision, call);
    else doubled ??= violation(`calls ${other.id} and ${call.id} were both told that they made revision ${revision}`);
  }
  return { writes, reads, unknown, doubled };
}

/** What returned before another was called must stand before it. */
function againstTime(writes: readonly Call[], reads: readonly Read[]): Violation | undefined {
  const placed = reads.map(({ call, after, isStale }) => ({ call, place: after + 0.5, isStale }));
  for (const call of writes)
    if (call.answer.kind === 'txn') placed.push({ call, place: call.answer.result.revision, isStale: false });
  const moments = placed.flatMap((one) => [
    { at: one.call.calledAt, isCall: true, ...one },
    { at: one.call.returnedAt, isCall: false, ...one },
  ]);
  moments.sort((a, b) => a.at - b.at);
  let newest: { readonly call: Call; readonly place: number } | undefined;
  for (const { call, place, isCall, isStale } of moments) {
    if (isCall && !isStale && newest !== undefined && place < newest.place)
      return violation(
        `call ${call.id} (${tellCall(call)}) began after call ${newest.call.id} (${tellCall(newest.call)}) had returned, but stands before it`,
      );
    if (!isCall && (newest === undefined || place > newest.place)) newest = { call, place };
  }
  return undefined;
}

/** Depth first over the revisions; only where nobody was told that he made one there is a choice. */
class Search {
  readonly #writes: ReadonlyMap<Revision, Call>;
  readonly #readsOf = new Map<Revision, Call[]>();
  readonly #unknown: readonly Call[];
  readonly #likely: Likely;
  readonly #seen = new Map<Revision, KeyValue[]>();
  /** By revision: when the first call that stands at or after it returned. */
  readonly #returned: number[] = [];
  readonly #last: Revision;
  readonly #tried = new Set<string>();
  #steps = 0;
  #why = '';
  #whyAt = -1;

  constructor(writes: ReadonlyMap<Revision, Call>, reads: readonly Read[], unknown: readonly Call[], likely: Likely) {
    this.#likely = likely;
    this.#writes = writes;
    this.#unknown = unknown;
    for (const { call, of } of reads)
      if (of !== undefined) this.#readsOf.set(of, [...(this.#readsOf.get(of) ?? []), call]);
    for (const { call } of reads) this.#note(call);
    for (const call of writes.values()) this.#note(call);
    const places = reads.map(({ call, after }) => ({ call, at: after }));
    for (const [at, call] of writes) places.push({ call, at });
    this.#last = Math.max(0, ...this.#readsOf.keys(), ...this.#seen.keys(), ...places.map(({ at }) => at));
    for (let revision = 0; revision <= this.#last + 1; revision++) this.#returned.push(Number.POSITIVE_INFINITY);
    for (const { call, at } of places) this.#returned[at] = Math.min(this.#returned[at] ?? 0, call.returnedAt);
    for (let revision = this.#last; revision > 0; revision--)
      this.#returned[revision] = Math.min(this.#returned[revision] ?? 0, this.#returned[revision + 1] ?? 0);
  }

  run(): Linearization | Violation {
    const states: ModelState[] = [emptyState];
    const choices: { readonly call: Call; readonly rest: readonly Call[] }[] = [];
    const used = new Set<Call>();
    if (!this.#readsHold(emptyState)) return violation(this.#why);
    let options: readonly Call[] = this.#options(emptyState, used);
    while (states.length <= this.#last) {
      if (++this.#steps > searchStepsMax) return violation(`undecided after ${searchStepsMax} steps; ${this.#why}`);
      const [call, ...rest] = options;
      if (call === undefined) {
        const back = choices.pop();
        if (back === undefined) return violation(this.#why);
        states.pop();
        used.delete(back.call);
        options = back.rest;
        continue;
      }
      const state = this.#after(states.at(-1) ?? emptyState, call);
      if (state === undefined) {
        options = rest;
        continue;
      }
      states.push(state);
      used.add(call);
      choices.push({ call, rest });
      options = this.#options(state, used);
    }
    return { states, makers: [undefined, ...choices.map(({ call }) => call)] };
  }

  /** Who may have made the revision after `state`. */
  #options(state: ModelState, used: ReadonlySet<Call>): readonly Call[] {
    const revision = state.revision + 1;
    const known = this.#writes.get(revision);
    if (known !== undefined) return [known];
    const returned = this.#returned[revision] ?? Number.POSITIVE_INFINITY;
    const options = this.#unknown.filter((call) => !used.has(call) && call.calledAt < returned);
    if (options.length === 0) this.#fail(revision, `nobody can have made revision ${revision}`);
    if (options.length < 2) return options;
    const keys = [...state.keys.values()].map(
      ({ key, value, version }) => `${key} ${version} ${Buffer.from(value).toString('hex')}`,
    );
    const name = `${revision}|${[...used].map(({ id }) => id).sort((a, b) => a - b)}|${keys.sort().join()}`;
    if (this.#tried.has(name)) return [];
    this.#tried.add(name);
    const events = this.#likely(revision) ?? [];
    const isLikely = (call: Call): boolean => events.length > 0 && events.every((event) => mayDo(call, event));
    return [...options.filter(isLikely), ...options.filter((call) => !isLikely(call))];
  }

  /** The state when `call` makes the next revision, or undefined when something that was seen speaks against it. */
  #after(before: ModelState, call: Call): ModelState | undefined {
    const { request, answer } = call;
    if (request.kind !== 'txn') return undefined;
    const { state, result } = modelTxn(before, request);
    const revision = before.revision + 1;
    if (state === before)
      return this.#fail(revision, `call ${call.id} cannot have changed anything at revision ${revision}`);
    if (
      answer.kind === 'txn' &&
      !(answer.result.succeeded === result.succeeded && sameKeyValues(answer.result.results, result.results))
    )
      return this.#fail(
        revision,
        `call ${call.id} (${tellCall(call)}) at revision ${revision} should have been told ${result.succeeded} ${result.results.map(tellKeyValue)}`,
      );
    for (const kv of this.#seen.get(revision) ?? [])
      if (!sameKeyValues([kv], [state.keys.get(kv.key)]))
        return this.#fail(
          revision,
          `${tellKeyValue(kv)} was seen, but revision ${revision} can only be ${tellKeyValue(state.keys.get(kv.key))}`,
        );
    return this.#readsHold(state) ? state : undefined;
  }

  #readsHold(state: ModelState): boolean {
    for (const call of this.#readsOf.get(state.revision) ?? []) {
      const { request, answer } = call;
      if (request.kind === 'range' && answer.kind === 'range') {
        const expected = modelRange(state, request.start, request.end);
        if (sameKeyValues(answer.result.items, expected) && answer.result.count === expected.length) continue;
        this.#fail(
          state.revision,
          `call ${call.id} (${tellCall(call)}) should have seen ${expected.map(tellKeyValue)} at revision ${state.revision}`,
        );
        return false;
      }
      if (request.kind !== 'txn' || answer.kind !== 'txn') continue;
      const { state: next, result } = modelTxn(state, request);
      if (
        next === state &&
        result.succeeded === answer.result.succeeded &&
        sameKeyValues(answer.result.results, result.results)
      )
        continue;
      this.#fail(
        state.revision,
        `call ${call.id} (${tellCall(call)}) cannot have changed nothing at revision ${state.revision}`,
      );
      return false;
    }
    return true;
  }

  /** What anyone saw of a key as written at a revision narrows the choice there. */
  #note({ answer }: Call): void {
    const seen = answer.kind === 'range' ? answer.result.items : answer.kind === 'txn' ? answer.result.results : [];
    for (const kv of seen)
      if (kv !== undefined) this.#seen.set(kv.modRevision, [...(this.#seen.get(kv.modRevision) ?? []), kv]);
  }

  /** Keeps the reason from the furthest point: that is where the history went wrong. */
  #fail(at: Revision, why: string): undefined {
    if (at >= this.#whyAt) [this.#whyAt, this.#why] = [at, why];
  }
}

function mayDo({ request }: Call, { type, kv }: BarnEvent): boolean {
  if (request.kind !== 'txn') return false;
  return [...request.success, ...request.failure].some(
    (operation) =>
      operation.do === type &&
      operation.key === kv.key &&
      (operation.do !== 'put' || Buffer.compare(operation.value, kv.value) === 0),
  );
}

function violation(what: string): Violation {
  return { rule: 'linearizable', what };
}

/** One line of a report. */
export function tellCall({ client, request, answer }: Call): string {
  const told =
    answer.kind === 'txn'
      ? `${answer.result.succeeded} @${answer.result.revision} [${answer.result.results.map(tellKeyValue)}]`
      : answer.kind === 'range'
        ? `@${answer.result.revision} [${answer.result.items.map(tellKeyValue)}]`
        : answer.kind === 'readIndex'
          ? `@${answer.revision}`
          : answer.kind === 'refused'
            ? answer.reason
            : 'unknown';
  return `${client} ${tellRequest(request)} → ${told}`;
}

function tellRequest(request: Call['request']): string {
  if (request.kind === 'readIndex') return 'readIndex';
  if (request.kind === 'range')
    return `range ${request.start}..${request.end ?? ''}${request.revision > 0 ? ` at ${request.revision}` : ''}${request.serializable ? ' serializable' : ''}`;
  const operations = (list: typeof request.success) =>
    list
      .map(
        (operation) =>
          `${operation.do} ${operation.key}${operation.do === 'put' ? `=${Buffer.from(operation.value).toString('latin1')}` : ''}`,
      )
      .join(', ');
  const compares = request.compares.map(
    (compare) =>
      `${compare.target} ${compare.key} ${compare.op} ${compare.target === 'value' ? Buffer.from(compare.value).toString('latin1') : compare.number}`,
  );
  return `if ${compares.join(' and ')} then ${operations(request.success)} else ${operations(request.failure)}`;
}
