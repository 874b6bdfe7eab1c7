import { type Log, present } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import { noSnapshot } from '../raft/empty.ts';
import type { RandomBytes, Sealer } from '../seal.ts';
import { encodeBatch, type LogState, type RecordWrite } from './batch.ts';
import { ByteWriter } from './bytes.ts';
import type { WalFile, WalFiles } from './files.ts';
import { encodeRecord, encodeSegmentHead, recordBytes, saltBytes, segmentName, type WalMetadata } from './format.ts';
import type { WalLimits } from './limits.ts';
import { type LoadedSegment, type LogEnd, recordPlace } from './load.ts';
import { Spares } from './spares.ts';

/** What a log writes with. */
export interface WriterParts {
  readonly files: WalFiles;
  readonly sealer: Sealer;
  readonly random: RandomBytes;
  readonly metadata: WalMetadata;
  readonly limits: WalLimits;
  readonly log: Log;
}

interface Current {
  readonly segment: number;
  readonly file: WalFile;
  readonly salt: Uint8Array;
  readonly filledBytes: number;
  position: number;
  indexMax: number;
}

/** While a segment grows, the next is made ahead only when it has so much: short lives need none. */
const prepareAfterBytes = 1024 * 1024;

/** Writes records and segments, one call at a time. After any error nobody knows what is on disk: it must not be used again. */
export class SegmentWriter {
  readonly #parts: WriterParts;
  readonly #spares: Spares;
  readonly #body = new ByteWriter(1024 * 1024);
  /** Those before the current one, oldest first. */
  readonly #older: LoadedSegment[] = [];
  #current: Current | undefined;
  #state: LogState = { hardState: undefined, snapshot: noSnapshot, lastIndex: 0 };
  #nextRecord = 1;
  #chain = 0;
  /** The next write begins a new segment: the current one holds what is not encrypted, and should go. */
  #mustRotate = false;

  constructor(parts: WriterParts) {
    this.#parts = parts;
    const { segmentBytes, sparesMax } = parts.limits;
    this.#spares = new Spares(parts.files, { fileBytes: segmentBytes, countMax: sparesMax, log: parts.log });
  }

  /** Goes on where the log ended, or begins one. Errors: of the files. */
  async start(segments: readonly LoadedSegment[], end: LogEnd | undefined): Promise<void> {
    await this.#spares.clear();
    if (end === undefined) return this.#rotate();
    const { file, position, head } = end;
    const indexMax = segments.at(-1)?.indexMax ?? end.lastIndex;
    this.#older.push(...segments.slice(0, -1));
    this.#current = { file, position, indexMax, segment: head.segment, salt: head.salt, filledBytes: head.filledBytes };
    this.#state = { hardState: end.hardState, snapshot: end.snapshot, lastIndex: end.lastIndex };
    this.#nextRecord = end.nextRecord;
    this.#chain = end.chain;
    this.#mustRotate = end.hasPlain && this.#parts.sealer.seals;
  }

  sizeBytes(): number {
    const older = this.#older.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return older + (this.#current === undefined ? 0 : fileBytes(this.#current)) + this.#spares.sizeBytes();
  }

  /** One record with all of it; durable when it resolves. Says whether all before the current segment became superfluous. Errors: Storage, of the files. */
  async write(writes: readonly RecordWrite[]): Promise<{ readonly restarts: boolean }> {
    const { sealer, metadata, limits } = this.#parts;
    const record = this.#nextRecord;
    const batch = encodeBatch(this.#body, writes, this.#state);
    let body = this.#body.take();
    if (body.length === 0) return batch;
    if (sealer.seals) body = [sealer.seal(Buffer.concat(body), recordPlace(metadata, record))];
    const bytes = recordBytes(body.reduce((sum, part) => sum + part.byteLength, 0));
    if (bytes > limits.recordBytesMax)
      throw new BarnError('Storage', `append ${bytes} bytes to the log: a record has at most ${limits.recordBytesMax}`);
    if (this.#isFull(bytes)) await this.#rotate();
    const current = present(this.#current, 'the current segment');
    const encoded = encodeRecord(body, { salt: current.salt, record, chain: this.#chain, sealed: sealer.seals });
    await current.file.write(encoded.buffers, current.position);
    current.position += encoded.bytes;
    current.indexMax = batch.restarts ? batch.indexMax : Math.max(current.indexMax, batch.indexMax);
    this.#state = batch;
    this.#nextRecord++;
    this.#chain = encoded.chain;
    if (current.position >= Math.min(limits.segmentBytes / 2, current.filledBytes > 0 ? Infinity : prepareAfterBytes))
      this.#spares.prepare();
    return batch;
  }

  /** The oldest segment that holds something above `index`; the current one always stays. */
  firstAbove(index: number): number {
    return this.#older.find(({ indexMax }) => indexMax > index)?.segment ?? this.currentSegment;
  }

  get oldestSegment(): number {
    return this.#older[0]?.segment ?? this.currentSegment;
  }

  get currentSegment(): number {
    return present(this.#current, 'the current segment').segment;
  }

  /** Removes the segments before this one, oldest first. Errors: of the files. */
  async removeBefore(segment: number): Promise<void> {
    for (;;) {
      const [oldest] = this.#older;
      if (oldest === undefined || oldest.segment >= segment) return;
      this.#older.shift();
      await this.#spares.recycle(segmentName(oldest.segment), oldest.sizeBytes);
    }
  }

  async close(): Promise<void> {
    await this.#spares.close();
    await this.#current?.file.close();
    this.#current = undefined;
  }

  #isFull(bytes: number): boolean {
    const { position, filledBytes } = present(this.#current, 'the current segment');
    if (this.#mustRotate || position + bytes > this.#parts.limits.segmentBytes) return true;
    return filledBytes === 0 && this.#spares.isReady;
  }

  /** Begins the next segment: it has its head before it has its name, so that one without a head is damage. */
  async #rotate(): Promise<void> {
    const { metadata, random, files, limits } = this.#parts;
    const before = this.#current;
    const segment = (before?.segment ?? 0) + 1;
    const salt = random(saltBytes);
    const ahead = this.#spares.take();
    const { name, file } = ahead ?? (await this.#spares.makeEmpty());
    const filledBytes = ahead === undefined ? 0 : limits.segmentBytes;
    const head = encodeSegmentHead({
      ...metadata,
      ...this.#state,
      segment,
      salt,
      filledBytes,
      firstRecord: this.#nextRecord,
      chainBefore: this.#chain,
    });
    try {
      await file.write([head.bytes], 0);
      await files.rename(name, segmentName(segment));
    } catch (error) {
      await file.close();
      throw error;
    }
    const position = head.bytes.length;
    const indexMax = Math.max(this.#state.lastIndex, this.#state.snapshot.index);
    this.#current = { segment, file, salt, filledBytes, position, indexMax };
    this.#chain = head.chain;
    this.#mustRotate = false;
    if (before === undefined) return;
    this.#older.push({ segment: before.segment, sizeBytes: fileBytes(before), indexMax: before.indexMax });
    await before.file.close();
  }
}

const fileBytes = ({ filledBytes, position }: Current): number => Math.max(filledBytes, position);
