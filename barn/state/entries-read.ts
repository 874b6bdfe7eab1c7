import type { Revision } from '../barn.ts';
import { filledEntries, type LogEntry } from './event-log.ts';
import type { ValueReader } from './version.ts';

/** What is kept for others who read the same history; at the bound what was read first is forgotten. */
const keptBytesMax = 4 * 1024 * 1024;

interface Read {
  /** Once it is there. */
  entry: LogEntry | undefined;
  readonly reading: Promise<LogEntry>;
  readonly bytes: number;
}

/** Revisions whose values were read back from the disk for watchers lately: those who read the same history get the same objects. */
export class EntriesRead {
  readonly #read = new Map<Revision, Read>();
  #bytes = 0;

  /** One that is here or on its way; undefined: `read` it. */
  get(revision: Revision): LogEntry | Promise<LogEntry> | undefined {
    const read = this.#read.get(revision);
    return read?.entry ?? read?.reading;
  }

  /** Reads the values of these in one go, also of what was there before; returns the first. */
  read(entries: readonly [LogEntry, ...LogEntry[]], reader: ValueReader): Promise<LogEntry> {
    const [first] = entries;
    const filled = filledEntries(entries, { prevValue: true }, reader);
    const one = (at: number): Promise<LogEntry> => filled.then((all) => all[at] ?? first);
    for (const [at, entry] of entries.entries()) this.#keep(entry, one(at));
    return one(0);
  }

  #keep({ revision, bytes }: LogEntry, reading: Promise<LogEntry>): void {
    this.#forget(revision);
    const read: Read = { entry: undefined, reading, bytes };
    this.#read.set(revision, read);
    this.#bytes += bytes;
    for (const oldest of this.#read.keys()) {
      if (this.#bytes <= keptBytesMax) break;
      this.#forget(oldest);
    }
    reading.then(
      (entry) => (read.entry = entry),
      // Told to who asked for it.
      () => {},
    );
  }

  #forget(revision: Revision): void {
    this.#bytes -= this.#read.get(revision)?.bytes ?? 0;
    this.#read.delete(revision);
  }
}
