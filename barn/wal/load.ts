// Reads a log from its files, repairs a torn tail, and refuses everything else that is not as it was written.
import { present } from '../../base/index.ts';
import { noSnapshot } from '../raft/empty.ts';
import type { HardState, Snapshot } from '../raft/protocol.ts';
import { isSealed, keyOf, type Sealer } from '../seal.ts';
import type { WalFile, WalFiles } from './files.ts';
import { recordHeadBytes, type SegmentHead, segmentName, segmentOf, trailer, type WalMetadata } from './format.ts';
import { decodeItems } from './items.ts';
import { Replay } from './replay.ts';
import { parsed, type ReadRecord, readRecord, readSegmentHead, type Unended } from './segment.ts';
import { damaged, endOfTail, type Stop } from './tail.ts';
import type { LoadedLog } from './wal.ts';
import { FileWindow } from './window.ts';

/** A segment that is there. */
export interface LoadedSegment {
  readonly segment: number;
  readonly sizeBytes: number;
  /** The highest index of its entries, and of the log before it. */
  readonly indexMax: number;
  /** What its records are sealed with. */
  readonly keys: ReadonlySet<string>;
}

/** Where the log goes on. */
export interface LogEnd {
  readonly file: WalFile;
  readonly head: SegmentHead;
  readonly position: number;
  readonly nextRecord: number;
  readonly chain: number;
  readonly lastIndex: number;
  readonly hardState: HardState | undefined;
  readonly snapshot: Snapshot;
}

/** What was read, and where it goes on; `end` is absent when there is no log yet. */
export interface LoadResult {
  readonly loaded: LoadedLog;
  /** The number of the last record when its trailer had to be written again. */
  readonly mendedRecord: number | undefined;
  readonly segments: readonly LoadedSegment[];
  readonly end: LogEnd | undefined;
}

/** What the log is read with. */
export interface LoadOptions {
  readonly files: WalFiles;
  readonly sealer: Sealer;
  readonly metadata: WalMetadata;
  /** A longer record was never written. */
  readonly recordBytesMax: number;
}

/** What the records of a member are sealed for. */
export function recordPlace({ clusterId, memberId }: WalMetadata, record: number): string {
  return `record ${record} of the log of member ${memberId.toString(16)} of cluster ${clusterId.toString(16)}`;
}

/** Reads the log. Errors: Corrupt, and Storage when it is sealed, or written by a version, that we cannot read. */
export async function loadLog(options: LoadOptions): Promise<LoadResult> {
  const numbers = (await options.files.list()).map(segmentOf).filter((number) => number !== undefined);
  numbers.sort((one, other) => one - other);
  const [first] = numbers;
  if (first === undefined) return { loaded: nothing, mendedRecord: undefined, segments: [], end: undefined };
  const missing = numbers.findIndex((number, at) => number !== first + at);
  if (missing >= 0) throw damaged(segmentName(first + missing), 0, 'it is missing, and a later one is there');
  const loader = new Loader(options);
  try {
    for (const [at, number] of numbers.entries()) await loader.read(number, at === numbers.length - 1);
    return await loader.finish();
  } catch (error) {
    await loader.file?.close();
    throw error;
  }
}

const nothing: LoadedLog = { snapshot: noSnapshot, hardState: undefined, entries: [], tornBytes: 0 };
const repairBytes = 1024 * 1024;

/** The segment that was read last. */
interface Reading {
  readonly window: FileWindow;
  readonly head: SegmentHead;
  /** Why there is no further record. */
  readonly stop: Stop;
}

class Loader {
  /** The segment that is read; open. */
  file: WalFile | undefined;
  readonly #options: LoadOptions;
  readonly #segments: LoadedSegment[] = [];
  #replay: Replay | undefined;
  #last: Reading | undefined;
  /** The last record, when it was kept without its trailer, and where that belongs. */
  #unended: { readonly record: number; readonly trailerAt: number } | undefined;
  /** Where reading stands. */
  #at = { position: 0, record: 0, chain: 0 };

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  /** Reads the segment that follows the one before; only in the last a record may be without its trailer. */
  async read(segment: number, isLast: boolean): Promise<void> {
    const { files, metadata } = this.#options;
    await this.file?.close();
    this.file = undefined;
    const file = await files.open(segmentName(segment), { create: false });
    this.file = file;
    const window = new FileWindow(segmentName(segment), file, await file.size());
    const head = await readSegmentHead(window, segment, metadata);
    this.#checkJoint(head);
    const replay = (this.#replay ??= new Replay(head));
    this.#at = { position: head.position, record: head.firstRecord, chain: head.chain };
    let indexMax = Math.max(head.lastIndex, head.snapshot.index);
    const keys = new Set<string>();
    for (;;) {
      const found = await readRecord(window, head.salt, this.#at, this.#options.recordBytesMax);
      const read = isLast && 'why' in found && 'record' in found ? await this.#keep(window, found) : found;
      if (!('body' in read)) {
        this.#last = { window, head, stop: read };
        break;
      }
      this.#apply(window.name, read, replay);
      indexMax = Math.max(indexMax, replay.lastIndex);
      keys.add(keyOf(read.body));
    }
    this.#segments.push({ segment, sizeBytes: window.size, indexMax, keys });
  }

  /** Looks at the end of the last segment, makes it zero from there on, and says what came of all. */
  async finish(): Promise<LoadResult> {
    const file = present(this.file, 'the last segment');
    const replay = present(this.#replay, 'what was read');
    const { window, head, stop } = present(this.#last, 'the last segment');
    const held = parsed(window.name, this.#at.position, () => replay.result());
    const { position, record, chain } = this.#at;
    const tornBytes = (await endOfTail(window, stop)) - position;
    if (this.#unended !== undefined) await file.write([trailer], this.#unended.trailerAt);
    for (let at = position; at < position + tornBytes; at += repairBytes)
      await file.write([new Uint8Array(Math.min(repairBytes, position + tornBytes - at))], at);
    return {
      loaded: { ...held, tornBytes },
      mendedRecord: this.#unended?.record,
      segments: this.#segments,
      end: {
        file,
        head,
        position,
        chain,
        nextRecord: record,
        lastIndex: replay.lastIndex,
        hardState: held.hardState,
        snapshot: held.snapshot,
      },
    };
  }

  /** The record all the same, when a torn write explains it and nothing is behind it. Errors: Corrupt, otherwise. */
  async #keep(window: FileWindow, stop: Unended): Promise<ReadRecord> {
    await endOfTail(window, stop);
    const { record, body } = stop.record;
    this.#unended = { record, trailerAt: stop.position + recordHeadBytes + body.length };
    return stop.record;
  }

  /** A segment begins where the one before it ended, when that was whole. */
  #checkJoint(next: SegmentHead): void {
    const { record, chain, position } = this.#at;
    if (this.#last === undefined || (next.firstRecord === record && next.chainBefore === chain)) return;
    throw damaged(
      this.#last.window.name,
      position,
      `${this.#last.stop.why}, and the next segment begins with record ${next.firstRecord}`,
    );
  }

  #apply(name: string, read: ReadRecord, replay: Replay): void {
    const { sealer, metadata } = this.#options;
    const { position } = this.#at;
    if (read.sealed !== isSealed(read.body))
      throw damaged(name, position, 'a record is sealed or not as its head says');
    const body = sealer.unseal(read.body, recordPlace(metadata, read.record));
    parsed(name, position, () => {
      for (const item of decodeItems(Buffer.from(body.buffer, body.byteOffset, body.byteLength))) replay.apply(item);
    });
    this.#at = { position: read.end, record: read.record + 1, chain: read.chain };
  }
}
