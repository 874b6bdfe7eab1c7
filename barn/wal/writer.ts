import { type Log, present } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import { plain } from '../keys.ts';
import { noSnapshot } from '../raft/empty.ts';
import type { Entry } from '../raft/protocol.ts';
import type { RandomBytes, Sealer } from '../seal.ts';
import { encodeBatch, type LogState, type RecordWrite } from './batch.ts';
import { ByteWriter } from './bytes.ts';
import type { WalFile, WalFiles } from './files.ts';
import { encodeRecord, encodeSegmentHead, recordBytes, saltBytes, segmentName, type WalMetadata } from './format.ts';
import { entryHeadBytes } from './items.ts';
import type { WalLimits } from './limits.ts';
import { type LoadedSegment, type LogEnd, recordPlace } from './load.ts';
import { Spares } from './spares.ts';
import type { LoadedLog } from './wal.ts';

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
  readonly keys: Set<string>;
}

/** What a record holds, and what it is sealed with. */
interface Body {
  readonly parts: readonly Uint8Array[];
  readonly key: string;
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

  constructor(parts: WriterParts) {
    this.#parts = parts;
    const { segmentBytes, sparesMax } = parts.limits;
    this.#spares = new Spares(parts.files, { fileBytes: segmentBytes, countMax: sparesMax, log: parts.log });
  }

  /** Goes on where the log ended, or begins one. Errors: of the files. */
  async start(segments: readonly LoadedSegment[], end: LogEnd | undefined): Promise<void> {
    await this.#spares.clear();
    if (end === undefined) return this.#rotate(this.#state);
    const { file, position, head } = end;
    const indexMax = segments.at(-1)?.indexMax ?? end.lastIndex;
    this.#older.push(...segments.slice(0, -1));
    const keys = new Set(segments.at(-1)?.keys);
    const { segment, salt, filledBytes } = head;
    this.#current = { file, position, indexMax, segment, salt, filledBytes, keys };
    this.#state = { hardState: end.hardState, snapshot: end.snapshot, lastIndex: end.lastIndex };
    this.#nextRecord = end.nextRecord;
    this.#chain = end.chain;
  }

  sizeBytes(): number {
    const older = this.#older.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return older + (this.#current === undefined ? 0 : fileBytes(this.#current)) + this.#spares.sizeBytes();
  }

  /** One record with all of it; durable when it resolves. Says whether all before the current segment became superfluous. Errors: Storage, of the files. */
  async write(writes: readonly RecordWrite[]): Promise<{ readonly restarts: boolean }> {
    const { limits } = this.#parts;
    const batch = encodeBatch(this.#body, writes, this.#state);
    const body = this.#sealed(this.#body.take());
    if (body.parts.length === 0) return batch;
    const bytes = recordBytes(body.parts.reduce((sum, part) => sum + part.byteLength, 0));
    if (bytes > limits.recordBytesMax)
      throw new BarnError('Storage', `append ${bytes} bytes to the log: a record has at most ${limits.recordBytesMax}`);
    if (this.#isFull(bytes)) await this.#rotate(this.#state);
    const current = present(this.#current, 'the current segment');
    await this.#append(
      current,
      body,
      writes.every(({ isBrief }) => isBrief === true),
    );
    current.indexMax = batch.restarts ? batch.indexMax : Math.max(current.indexMax, batch.indexMax);
    this.#state = batch;
    if (current.position >= Math.min(limits.segmentBytes / 2, current.filledBytes > 0 ? Infinity : prepareAfterBytes))
      this.#spares.prepare();
    return batch;
  }

  /**
   * Writes all that the log holds once more, into one segment, so that those before it are superfluous. Until that has its name
   * it does not count: a crash leaves the log as it was, or both. Errors: of the files.
   */
  async rewrite({ snapshot, hardState, entries }: LoadedLog): Promise<void> {
    await this.#rotate({ snapshot, hardState, lastIndex: snapshot.index }, entries);
  }

  /** The oldest segment that holds something above `index`; the current one always stays. */
  firstAbove(index: number): number {
    return this.#older.find(({ indexMax }) => indexMax > index)?.segment ?? this.currentSegment;
  }

  /** What the records of all segments are sealed with. */
  keys(): ReadonlySet<string> {
    return new Set([...this.#older.flatMap(({ keys }) => [...keys]), ...(this.#current?.keys ?? [])]);
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
    if (position + bytes > this.#parts.limits.segmentBytes) return true;
    return filledBytes === 0 && this.#spares.isReady;
  }

  /** The body of the next record as it goes to disk. */
  #sealed(parts: readonly Uint8Array[]): Body {
    const { sealer, metadata } = this.#parts;
    const key = sealer.currentId;
    if (key === plain || parts.length === 0) return { parts, key };
    return { parts: [sealer.seal(Buffer.concat(parts), recordPlace(metadata, this.#nextRecord))], key };
  }

  async #append(current: Current, { parts, key }: Body, isBrief: boolean): Promise<void> {
    const [record, chain] = [this.#nextRecord, this.#chain];
    const encoded = encodeRecord(parts, { salt: current.salt, record, chain, sealed: key !== plain });
    current.keys.add(key);
    await current.file.write(encoded.buffers, current.position, isBrief);
    current.position += encoded.bytes;
    this.#nextRecord++;
    this.#chain = encoded.chain;
  }

  /**
   * Begins the next segment where the log stands so, with these entries: it has its head and them before it has its name, so
   * that one without a head is damage.
   */
  async #rotate(state: LogState, entries: readonly Entry[] = []): Promise<void> {
    const { metadata, random, files, limits } = this.#parts;
    const before = this.#current;
    const segment = (before?.segment ?? 0) + 1;
    const salt = random(saltBytes);
    const ahead = this.#spares.take();
    const { name, file } = ahead ?? (await this.#spares.makeEmpty());
    const filledBytes = ahead === undefined ? 0 : limits.segmentBytes;
    const [firstRecord, chainBefore] = [this.#nextRecord, this.#chain];
    const head = encodeSegmentHead({ ...metadata, ...state, segment, salt, filledBytes, firstRecord, chainBefore });
    const position = head.bytes.length;
    const indexMax = Math.max(state.lastIndex, state.snapshot.index, entries.at(-1)?.index ?? 0);
    const current: Current = { segment, file, salt, filledBytes, position, indexMax, keys: new Set() };
    this.#chain = head.chain;
    this.#state = state;
    try {
      await file.write([head.bytes], 0);
      for (const piece of piecesOf(entries, limits.batchBytesMax)) {
        this.#state = encodeBatch(this.#body, [{ entries: piece }], this.#state);
        await this.#append(current, this.#sealed(this.#body.take()), false);
      }
      await files.rename(name, segmentName(segment));
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#current = current;
    if (before === undefined) return;
    const { indexMax: indexBefore, keys } = before;
    this.#older.push({ segment: before.segment, sizeBytes: fileBytes(before), indexMax: indexBefore, keys });
    await before.file.close();
  }
}

/** Entries in rows of at most so many bytes each, or of one entry. */
function* piecesOf(entries: readonly Entry[], bytesMax: number): Generator<readonly Entry[]> {
  let piece: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const more = entry.data.byteLength + entryHeadBytes;
    if (piece.length > 0 && bytes + more > bytesMax) {
      yield piece;
      piece = [];
      bytes = 0;
    }
    piece.push(entry);
    bytes += more;
  }
  if (piece.length > 0) yield piece;
}

const fileBytes = ({ filledBytes, position }: Current): number => Math.max(filledBytes, position);
