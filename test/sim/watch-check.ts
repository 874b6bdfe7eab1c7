// Watch streams, held against the revisions that the history gave: ordered, unique, whole, without gap, never from the future.
import type { BarnEvent, Revision } from '../../barn/index.ts';
import type { WatchStream } from './history.ts';
import { isWithin, sameKeyValue, tellKeyValue } from './model.ts';

/** What every reader should have been told. */
export interface Truth {
  /** The events of a revision; undefined when there is no such revision. */
  readonly eventsOf: (revision: Revision) => readonly BarnEvent[] | undefined;
  /** The moment before which nobody can have known of a revision: when the call that made it began. */
  readonly knownFrom: (revision: Revision) => number;
}

/** The first thing wrong with a stream, or undefined. */
export function checkStream(stream: WatchStream, truth: Truth): string | undefined {
  let next = stream.from;
  /** Everything below was told, as a batch of events or as progress. */
  let told = stream.from - 1;
  for (const { batch, at } of stream.batches) {
    const { revision, events } = batch;
    const fault = (why: string): string =>
      `watch of ${stream.client} [${stream.start}, ${stream.end ?? ''}) from ${stream.from}: revision ${revision} ${why}`;
    if (events.length > 0 && revision < next) return fault(`came after ${next - 1} was told`);
    if (events.length === 0 && revision < told) return fault(`came as progress after ${told}`);
    if (truth.eventsOf(revision) === undefined && revision > 0) return fault('does not exist');
    if (at < truth.knownFrom(revision)) return fault('was told before it was asked for');
    const lastPassed = events.length > 0 ? revision - 1 : revision;
    for (let passed = next; passed <= lastPassed; passed++) {
      const missed = expected(stream, truth, passed);
      if (missed.length > 0) return fault(`left out ${missed.map(tellEvent)} of revision ${passed}`);
    }
    if (events.length > 0) {
      const should = expected(stream, truth, revision);
      if (!sameEvents(events, should))
        return fault(`should be ${should.map(tellEvent)}, but was ${events.map(tellEvent)}`);
    }
    told = Math.max(told, revision);
    next = Math.max(next, revision + 1);
  }
  return undefined;
}

function expected(stream: WatchStream, truth: Truth, revision: Revision): readonly BarnEvent[] {
  const events = truth.eventsOf(revision) ?? [];
  return events.filter(({ kv }) => isWithin(kv.key, stream.start, stream.end));
}

/** In any order of keys: one revision is told at once. `prev` counts only where it is given. */
function sameEvents(a: readonly BarnEvent[], b: readonly BarnEvent[]): boolean {
  if (a.length !== b.length) return false;
  return a.every((event) => {
    const other = b.find(({ kv }) => kv.key === event.kv.key);
    return (
      other?.type === event.type &&
      sameKeyValue(event.kv, other.kv) &&
      (event.prev === undefined || sameKeyValue(event.prev, other.prev))
    );
  });
}

function tellEvent({ type, kv }: BarnEvent): string {
  return `${type} ${tellKeyValue(kv)}`;
}
