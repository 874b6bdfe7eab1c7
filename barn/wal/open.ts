import type { Log } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import type { KeyRing } from '../keys.ts';
import type { Snapshot } from '../raft/protocol.ts';
import { createSealer, type RandomBytes, systemRandomBytes } from '../seal.ts';
import { storageFault } from '../storage-fault.ts';
import type { RecordWrite } from './batch.ts';
import type { WalFiles } from './files.ts';
import type { WalMetadata } from './format.ts';
import { entryHeadBytes } from './items.ts';
import { defaultWalLimits, type WalLimits } from './limits.ts';
import { loadLog } from './load.ts';
import type { LoadedLog, LogWrite, Wal } from './wal.ts';
import { SegmentWriter } from './writer.ts';

/** What a log is opened with. */
export interface WalOptions {
  readonly files: WalFiles;
  readonly keys: KeyRing | undefined;
  readonly metadata: WalMetadata;
  readonly log: Log;
  readonly limits?: Partial<WalLimits>;
  /** For salts and nonces; absent: the machine's. */
  readonly random?: RandomBytes;
}

/**
 * Opens the log of a member, or begins one. What a torn last write left is cut off (made zero) first, or made whole when only
 * the end of the record is missing. Errors: Corrupt, naming file and byte, when it is damaged or another member's; Storage
 * when it cannot be read or written, or keys are missing.
 */
export async function openWal(options: WalOptions): Promise<{ readonly wal: Wal; readonly loaded: LoadedLog }> {
  const { files, metadata, log, random = systemRandomBytes } = options;
  const limits = { ...defaultWalLimits, ...options.limits };
  const sealer = createSealer(options.keys, random);
  const writer = new SegmentWriter({ files, sealer, random, metadata, limits, log });
  try {
    const { recordBytesMax } = limits;
    const { loaded, mendedRecord, segments, end } = await loadLog({ files, sealer, metadata, recordBytesMax });
    if (loaded.tornBytes > 0)
      log.warn('a write to the log was not finished; it was cut off', { bytes: loaded.tornBytes });
    if (mendedRecord !== undefined)
      log.warn('the last record of the log was whole but for its end, which was written again', {
        record: mendedRecord,
      });
    await writer.start(segments, end);
    return { wal: new QueuedWal(writer, limits), loaded };
  } catch (error) {
    await writer.close();
    throw storageFault('open the log', error);
  }
}

interface Waiting {
  readonly write: RecordWrite;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: BarnError) => void;
}

class QueuedWal implements Wal {
  readonly #writer: SegmentWriter;
  readonly #limits: WalLimits;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #running: Promise<void> | undefined;
  #releasing: Promise<void> = Promise.resolve();
  /** Why everything is refused. */
  #ended: BarnError | undefined;
  #closing: Promise<void> | undefined;

  constructor(writer: SegmentWriter, limits: WalLimits) {
    this.#writer = writer;
    this.#limits = limits;
  }

  async append(write: LogWrite): Promise<void> {
    this.#check();
    await this.#enqueue(write);
  }

  async release(snapshot: Snapshot): Promise<void> {
    this.#check();
    await this.#remove(async () => {
      const first = this.#writer.firstAbove(snapshot.index);
      // The news must be on disk before anything is gone, so that what is missing then is known not to be needed.
      if (first > this.#writer.oldestSegment) await this.#enqueue({ entries: [], released: snapshot });
      return first;
    });
  }

  sizeBytes(): number {
    return this.#writer.sizeBytes();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#releasing;
    await this.#running;
    await this.#releasing;
    await this.#writer.close();
  }

  #check(): void {
    if (this.#ended !== undefined) throw this.#ended;
    if (this.#closing !== undefined) throw new BarnError('Closed', 'the log is closed');
  }

  #enqueue(write: RecordWrite): Promise<void> {
    const bytes = write.entries.reduce((sum, { data }) => sum + data.byteLength + entryHeadBytes, 0);
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      this.#waiting.push({ write, bytes, resolve, reject });
      this.#waitingBytes += bytes;
      if (this.#waitingBytes > this.#limits.waitingBytesMax) {
        const waiting = `${this.#waitingBytes} bytes wait for the disk of the log, more than ${this.#limits.waitingBytesMax}`;
        return this.#end(new BarnError('Storage', `${waiting}: it is too slow, or hangs; the member must end`));
      }
      this.#running ??= Promise.resolve().then(() => this.#run());
    });
  }

  /** Writes until nothing waits. Those that come in one turn go together. */
  async #run(): Promise<void> {
    while (this.#waiting.length > 0 && this.#ended === undefined) {
      const batch = this.#takeBatch();
      try {
        const { restarts } = await this.#writer.write(batch.map(({ write }) => write));
        for (const { resolve } of batch) resolve();
        if (restarts) this.#removeInBackground(this.#writer.currentSegment);
      } catch (cause) {
        const error = storageFault('append to the log', cause);
        for (const { reject } of batch) reject(error);
        this.#end(error);
      }
    }
    this.#running = undefined;
  }

  #takeBatch(): readonly Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const waiting of this.#waiting) {
      bytes += waiting.bytes;
      if (count > 0 && bytes > this.#limits.batchBytesMax) {
        bytes -= waiting.bytes;
        break;
      }
      count++;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  /** A failure ends the log, and is told to whoever comes next. */
  #removeInBackground(first: number): void {
    this.#remove(() => Promise.resolve(first)).catch(() => undefined);
  }

  /** Removes the segments before the one that `first` says; one removal at a time. */
  #remove(first: () => Promise<number>): Promise<void> {
    const removing = this.#releasing.then(async () => {
      if (this.#ended !== undefined) throw this.#ended;
      try {
        await this.#writer.removeBefore(await first());
      } catch (cause) {
        const error = storageFault('remove segments of the log', cause);
        this.#end(error);
        throw error;
      }
    });
    this.#releasing = removing.catch(() => undefined);
    return removing;
  }

  #end(error: BarnError): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
    this.#waitingBytes = 0;
  }
}
