import type { Log } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import type { KeyRing } from '../keys.ts';
import type { Snapshot } from '../raft/protocol.ts';
import { createSealer, type RandomBytes, type Sealer, systemRandomBytes } from '../seal.ts';
import { storageFault } from '../storage-fault.ts';
import type { RecordWrite } from './batch.ts';
import type { WalFiles } from './files.ts';
import type { WalMetadata } from './format.ts';
import { entryHeadBytes } from './items.ts';
import { defaultWalLimits, type WalLimits } from './limits.ts';
import { type LoadResult, loadLog } from './load.ts';
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
    const wal = new QueuedWal({
      writer,
      limits,
      sealer,
      log,
      load: () => loadLog({ files, sealer, metadata, recordBytesMax }),
    });
    await wal.reseal();
    return { wal, loaded };
  } catch (error) {
    await writer.close();
    throw storageFault('open the log', error);
  }
}

interface Waiting {
  /** Absent: all that is there is to be sealed anew, with nothing beside it. */
  readonly write: RecordWrite | undefined;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: BarnError) => void;
}

class QueuedWal implements Wal {
  readonly #writer: SegmentWriter;
  readonly #limits: WalLimits;
  readonly #sealer: Sealer;
  readonly #log: Log;
  /** Reads the log as it is on disk; while nothing is written or removed. */
  readonly #load: () => Promise<LoadResult>;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #running: Promise<void> | undefined;
  #releasing: Promise<void> = Promise.resolve();
  /** Why everything is refused. */
  #ended: BarnError | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: {
    readonly writer: SegmentWriter;
    readonly limits: WalLimits;
    readonly sealer: Sealer;
    readonly log: Log;
    readonly load: () => Promise<LoadResult>;
  }) {
    this.#writer = options.writer;
    this.#limits = options.limits;
    this.#sealer = options.sealer;
    this.#log = options.log;
    this.#load = options.load;
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

  keys(): ReadonlySet<string> {
    return this.#writer.keys();
  }

  async reseal(): Promise<void> {
    this.#check();
    // In the order of removals: none may happen while the log is read.
    await this.#remove(async () => {
      if (this.#isCurrent()) return this.#writer.oldestSegment;
      await this.#enqueue(undefined);
      return this.#writer.currentSegment;
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

  #isCurrent(): boolean {
    return [...this.#writer.keys()].every((key) => key === this.#sealer.currentId);
  }

  #enqueue(write: RecordWrite | undefined): Promise<void> {
    const bytes = write?.entries.reduce((sum, { data }) => sum + data.byteLength + entryHeadBytes, 0) ?? 0;
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
        const writes = batch.map(({ write }) => write).filter((write) => write !== undefined);
        const { restarts } = writes.length === 0 ? await this.#rewrite() : await this.#writer.write(writes);
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

  /** Reads the log from disk, which also shows whether it is whole, and writes it anew. */
  async #rewrite(): Promise<{ readonly restarts: boolean }> {
    const { loaded, end } = await this.#load();
    await end?.file.close();
    await this.#writer.rewrite(loaded);
    this.#log.info('log sealed anew: nothing in it needs an older key any more', {
      key: this.#sealer.currentId,
      entries: loaded.entries.length,
    });
    return { restarts: false };
  }

  #takeBatch(): readonly Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const waiting of this.#waiting) {
      // Sealing anew has a turn of its own.
      if (count > 0 && (waiting.write === undefined || this.#waiting[0]?.write === undefined)) break;
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
