// What the group committed, as all members together say, run through a model of the store: every member's state is held
// against it after each batch that the member applies.
import type { BarnEvent, RangeResult, Revision } from '../../barn/index.ts';
import type { ConfState, MemberId } from '../../barn/raft/protocol.ts';
import { decodeCommand } from '../../barn/state/command.ts';
import type { Alarm, CommittedEntry, StateMachine } from '../../barn/state/machine.ts';
import type { Happening } from './happenings.ts';
import { emptyState, type ModelState, modelRange, modelTxn, sameKeyValues, tellKeyValue } from './model.ts';
import type { Violations } from './violations.ts';
import type { Truth } from './watch-check.ts';
import { contentOf, type WireRules } from './wire-rules.ts';

/** What is so once an entry is applied. */
interface Committed {
  readonly term: number;
  readonly content: string;
  /** The configuration that a change of it led to; undefined when it is none, or was refused. */
  readonly configuration: string | undefined;
  readonly revision: Revision;
  readonly compactRevision: Revision;
  by: string;
}

/** The committed log of a run. */
export class CommittedLog implements Truth {
  readonly #violations: Violations;
  readonly #wire: WireRules;
  readonly #count: (what: Happening) => void;
  readonly #onJoint: (config: ConfState) => void;
  readonly #entries: (Committed | undefined)[] = [];
  readonly #states: ModelState[] = [emptyState];
  readonly #events: (readonly BarnEvent[])[] = [[]];
  readonly #hashes = new Map<Revision, { readonly hash: number; readonly by: string }>();
  #lastIndex: number;
  #compactRevision: Revision = 0;
  #alarms: readonly Alarm[] = [];
  /** The newest configuration, once it changed. */
  configuration: ConfState | undefined;
  /** The entry that led to it. */
  configurationIndex = 0;

  /** The group begins at index `firstIndex`, which is in every founder's state. */
  constructor(options: {
    readonly violations: Violations;
    readonly wire: WireRules;
    readonly count: (what: Happening) => void;
    /** Told of each joint configuration that comes. */
    readonly onJoint: (config: ConfState) => void;
    readonly firstIndex: number;
  }) {
    this.#count = options.count;
    this.#onJoint = options.onJoint;
    this.#violations = options.violations;
    this.#wire = options.wire;
    this.#lastIndex = options.firstIndex;
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  get revision(): Revision {
    return this.#states.length - 1;
  }

  get compactRevision(): Revision {
    return this.#compactRevision;
  }

  eventsOf(revision: Revision): readonly BarnEvent[] | undefined {
    return this.#events[revision];
  }

  stateAt(revision: Revision): ModelState | undefined {
    return this.#states[revision];
  }

  /** A member is about to apply these. */
  takes(by: string, appliedIndex: number, entries: readonly CommittedEntry[]): void {
    let expected: number | undefined;
    for (const entry of entries) {
      if (expected !== undefined && entry.index !== expected)
        this.#violations.add('applied never goes back', `${by} is given entry ${entry.index} after ${expected - 1}`);
      expected = entry.index + 1;
      if (entry.index > appliedIndex) this.#take(by, entry);
    }
  }

  /** A member has applied up to here (or has loaded, or installed a snapshot). */
  stands(by: string, machine: StateMachine): void {
    const { applied, store, hash } = machine;
    const { revision, compactRevision } = store.state;
    const committed = this.#entries[applied.index];
    if (committed !== undefined && (committed.revision !== revision || committed.compactRevision !== compactRevision))
      this.#violations.add(
        'state as the model',
        `${by} stands at revision ${revision} (compacted ${compactRevision}) after entry ${applied.index}, the model at ${committed.revision} (${committed.compactRevision})`,
      );
    const known = this.#hashes.get(revision);
    if (known === undefined) this.#hashes.set(revision, { hash, by });
    else if (known.hash !== hash)
      this.#violations.add(
        'state hash equal at equal revision',
        `at revision ${revision} the hash of ${by} is ${hash}, that of ${known.by} ${known.hash}`,
      );
  }

  /** A member's whole state must be the model's at its revision. */
  isWhole(by: string, { store, applied }: StateMachine): void {
    const { revision } = store.state;
    const model = this.#states[revision];
    if (model === undefined)
      return this.#violations.add(
        'state as the model',
        `${by} stands at revision ${revision}, which was never committed`,
      );
    if (applied.index > this.#lastIndex)
      this.#violations.add(
        'committed entries agree',
        `${by} applied up to ${applied.index}, but only ${this.#lastIndex} was committed`,
      );
    const expected = modelRange(model, '', '\x7f');
    const compare = ({ items }: RangeResult): void => {
      if (!sameKeyValues(items, expected))
        this.#violations.add(
          'state as the model',
          `at revision ${revision} ${by} holds ${items.map(tellKeyValue)}, the model ${expected.map(tellKeyValue)}`,
        );
    };
    const read = store.state.read('', '\x7f', {});
    // A disk that cannot be read ends the member, which is looked at there.
    if (read instanceof Promise) read.then(compare, () => {});
    else compare(read);
  }

  #take(by: string, entry: CommittedEntry): void {
    const configuration = entry.confState === undefined ? undefined : tellConfiguration(entry.confState);
    const known = this.#entries[entry.index];
    if (known !== undefined) {
      if (known.term !== entry.term || known.content !== contentOf(entry))
        this.#violations.add(
          'committed entries agree',
          `entry ${entry.index} is of term ${entry.term} at ${by}, but of term ${known.term} at ${known.by}, or not the same`,
        );
      if (known.configuration !== configuration)
        this.#violations.add(
          'configuration agrees',
          `entry ${entry.index} led to ${configuration} at ${by}, but to ${known.configuration} at ${known.by}`,
        );
      return;
    }
    if (entry.index !== this.#lastIndex + 1)
      return this.#violations.add(
        'committed entries agree',
        `${by} applies entry ${entry.index}, but nobody applied ${this.#lastIndex + 1}`,
      );
    this.#lastIndex = entry.index;
    if (entry.type === 'EntryNormal' && entry.data.byteLength > 0) this.#run(entry);
    if (entry.confState !== undefined) {
      this.configuration = entry.confState;
      this.configurationIndex = entry.index;
      if (entry.confState.votersOutgoing.length > 0) {
        this.#count(entry.confState.autoLeave ? 'joint configuration' : 'joint configuration left when asked');
        this.#onJoint(entry.confState);
      }
      // Who is gone cannot take its alarm back.
      const { voters, learners, votersOutgoing, learnersNext } = entry.confState;
      const named = [...voters, ...learners, ...votersOutgoing, ...learnersNext];
      this.#alarms = this.#alarms.filter(({ member }) => named.includes(member));
    }
    this.#entries[entry.index] = {
      term: entry.term,
      content: contentOf(entry),
      configuration,
      revision: this.revision,
      compactRevision: this.#compactRevision,
      by,
    };
    this.#wire.committed(entry.index, entry.term);
  }

  #run(entry: CommittedEntry): void {
    const command = decodeCommand(entry.data);
    switch (command.kind) {
      case 'txn': {
        const before = this.#states.at(-1) ?? emptyState;
        const { state, events } = modelTxn(before, command);
        const isFull = this.#alarms.some(({ kind }) => kind === 'NOSPACE') && events.some(({ type }) => type === 'put');
        if (isFull) this.#count('put refused for want of room');
        if (state === before || isFull) return;
        this.#states.push(state);
        this.#events.push(events);
        return;
      }
      case 'compact':
        if (command.revision > this.revision || command.revision <= this.#compactRevision) return;
        this.#count('history compacted');
        this.#compactRevision = command.revision;
        return;
      case 'alarm': {
        const others = this.#alarms.filter(
          ({ kind, member }) => kind !== command.alarm.kind || member !== command.alarm.member,
        );
        const stood = others.length < this.#alarms.length;
        if (command.active !== stood) this.#count(command.active ? 'alarm raised' : 'alarm taken back');
        this.#alarms = command.active ? [...others, command.alarm] : others;
        return;
      }
      default:
        return;
    }
  }
}

/** One text for equal configurations. */
export function tellConfiguration({ voters, learners, votersOutgoing, learnersNext, autoLeave }: ConfState): string {
  const list = (ids: readonly MemberId[]): string => [...ids].sort((a, b) => a - b).join(' ');
  return `voters ${list(voters)} | learners ${list(learners)} | outgoing ${list(votersOutgoing)} | next ${list(learnersNext)}${autoLeave ? ' | left by itself' : ''}`;
}
