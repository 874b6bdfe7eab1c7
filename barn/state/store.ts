import type { Clock } from '../../base/index.ts';
import type { Revision } from '../barn.ts';
import type { BarnLimits } from '../limits.ts';
import type { PlacedVersion, State } from './state.ts';
import type { NewEvent } from './version.ts';
import { WatchHub } from './watch-hub.ts';

/** How much of the history a compaction at its bound leaves: little goes at a time, so that nobody waits long for it. */
const keptShare = 7 / 8;

/** A state and those who watch it: what is applied here is at once visible and told. */
export class Store {
  #state: State;
  #due: Revision = 0;
  readonly hub: WatchHub;
  readonly limits: BarnLimits;

  constructor(options: {
    readonly state: State;
    readonly clock: Clock;
    readonly limits: BarnLimits;
    readonly nextTurn?: () => Promise<void>;
  }) {
    this.#state = options.state;
    this.limits = options.limits;
    this.hub = new WatchHub(options);
  }

  /** What is now; another object after `replace`. */
  get state(): State {
    return this.#state;
  }

  /** Goes on with the state of a snapshot, which is not older; watchers who can read on there do, the others end with Compacted. */
  replace(state: State): void {
    this.#state = state;
    this.#due = 0;
    this.hub.replace(state);
  }

  /** Takes in a transaction's events as the next revision; without events nothing happens. */
  apply(events: readonly NewEvent[]): void {
    if (events.length > 0) this.hub.publish(this.state.apply(this.state.revision + 1, events));
  }

  /** As State.compact; watchers who had not read so far end. */
  compact(revision: Revision): readonly PlacedVersion[] {
    const dropped = this.state.compact(revision);
    this.hub.compacted(revision);
    return dropped;
  }

  /** Where to compact, when more than `historyBytesMax` of history is held. */
  compactionDue(): Revision | undefined {
    const { log, compactRevision } = this.state;
    if (log.bytes <= this.limits.historyBytesMax) return undefined;
    // Looked for once until it is done: it is asked for after every apply.
    if (this.#due <= compactRevision) this.#due = log.firstWithin(this.limits.historyBytesMax * keptShare);
    return this.#due > compactRevision ? this.#due : undefined;
  }
}
