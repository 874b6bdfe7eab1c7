import type { Revision } from '../barn.ts';
import type { LogEntry } from './event-log.ts';

interface Late {
  entry: LogEntry;
  isReady: boolean;
}

/** Revisions that watchers are not told of yet, since values that are told with them come from the disk; and those that came after. */
export class LateEntries {
  readonly #tell: (entry: LogEntry) => void;
  #waiting: Late[] = [];
  #bytes = 0;

  constructor(tell: (entry: LogEntry) => void) {
    this.#tell = tell;
  }

  /** The oldest; undefined: none is late. */
  get first(): Revision | undefined {
    return this.#waiting[0]?.entry.revision;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** `filled` gives the entry with its values; without it the entry is told in its turn. */
  add(entry: LogEntry, filled?: Promise<LogEntry>): void {
    const late = { entry, isReady: filled === undefined };
    this.#waiting.push(late);
    this.#bytes += entry.bytes;
    filled?.then(
      (found) => {
        late.entry = found;
        late.isReady = true;
        this.#tellReady();
      },
      // Whoever owns the disk ends the store, and with it all watches.
      () => {},
    );
  }

  /** Nobody is to be told of them any more. */
  clear(): void {
    this.#waiting = [];
    this.#bytes = 0;
  }

  #tellReady(): void {
    for (let late = this.#waiting[0]; late?.isReady === true; late = this.#waiting[0]) {
      this.#waiting.shift();
      this.#bytes -= late.entry.bytes;
      this.#tell(late.entry);
    }
  }
}
