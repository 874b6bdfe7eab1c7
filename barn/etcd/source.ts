import { BarnError, type Revision } from '../barn.ts';
import { EventLog, type LogEntry } from '../state/event-log.ts';
import { nothingAbsent } from '../state/version.ts';
import type { WatchSource } from '../state/watch-hub.ts';

/** The log with where it is compacted, as a hub wants it. */
export class Source implements WatchSource {
  log = new EventLog();
  readonly reader = nothingAbsent;
  compactRevision: Revision;

  constructor(revision: Revision, compactRevision: Revision) {
    this.log.startAt(revision + 1, 0);
    this.compactRevision = compactRevision;
  }

  get revision(): Revision {
    return this.log.next - 1;
  }

  compacted(revision: Revision): BarnError {
    const message = `revision ${revision} is gone: the history before ${this.compactRevision} was compacted`;
    return new BarnError('Compacted', message, { compactRevision: this.compactRevision });
  }

  /** For what cannot be read back, since it is more than may be held here. */
  tooOld(revision: Revision): BarnError {
    const message = `revision ${revision} is too old: more than the bound of history lies between it and ${this.log.first}`;
    return new BarnError('Compacted', message, { compactRevision: this.log.first });
  }

  compactTo(revision: Revision): void {
    this.compactRevision = revision;
    this.log.dropBelow(revision);
  }

  /** Puts what was read of the past before what is here. */
  prepend(older: readonly LogEntry[]): void {
    const [first] = older;
    // Compacted in the meantime: then nobody may read it any more.
    if (first === undefined || older.at(-1)?.revision !== this.log.first - 1) return;
    const log = new EventLog();
    log.startAt(first.revision, 0);
    for (const entry of older) log.append(entry);
    for (let revision = this.log.first; revision < this.log.next; revision++) log.append(this.log.at(revision));
    this.log = log;
  }
}
