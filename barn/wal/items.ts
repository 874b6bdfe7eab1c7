// What stands in the body of a record and in the head of a segment: items, one after the other.
//   hard state: 1 u8 | term u64 | vote u64 | commit u64
//   snapshot:   2 u8 (the log begins anew) or 4 u8 (released up to here) | auto leave u8 | four counts u16 | index u64 | term u64 | ids u64
//   entry:      3 u8 | type u8 | length u32 | term u64 | index u64 | data
import type { ConfState, Entry, EntryType, HardState, Snapshot } from '../raft/protocol.ts';
import { ByteReader, type ByteWriter, FormatError } from './bytes.ts';

/** One thing that happened to the log. */
export type LogItem =
  | { readonly kind: 'hardState'; readonly hardState: HardState }
  /** The log begins anew at this snapshot. */
  | { readonly kind: 'restart'; readonly snapshot: Snapshot }
  /** What is up to this snapshot is no longer needed. */
  | { readonly kind: 'released'; readonly snapshot: Snapshot }
  | { readonly kind: 'entry'; readonly entry: Entry };

const codeHardState = 1;
const codeRestart = 2;
const codeEntry = 3;
const codeReleased = 4;
const entryTypes: readonly EntryType[] = ['EntryNormal', 'EntryConfChange', 'EntryConfChangeV2'];

/** What an entry takes beside its data. */
export const entryHeadBytes = 22;

/** Writes a hard state. */
export function encodeHardState(to: ByteWriter, { term, vote, commit }: HardState): void {
  to.u8(codeHardState);
  to.u64(term);
  to.u64(vote);
  to.u64(commit);
}

/** Writes what a snapshot stands for, without its data. */
export function encodeSnapshot(to: ByteWriter, snapshot: Snapshot, kind: 'restart' | 'released'): void {
  const { voters, learners, votersOutgoing, learnersNext, autoLeave } = snapshot.confState;
  const lists = [voters, learners, votersOutgoing, learnersNext];
  to.u8(kind === 'restart' ? codeRestart : codeReleased);
  to.u8(autoLeave ? 1 : 0);
  for (const list of lists) to.u16(list.length);
  to.u64(snapshot.index);
  to.u64(snapshot.term);
  for (const id of lists.flat()) to.u64(id);
}

/** Writes an entry; long data is not copied. */
export function encodeEntry(to: ByteWriter, { term, index, type, data }: Entry): void {
  to.u8(codeEntry);
  to.u8(entryTypes.indexOf(type));
  to.u32(data.byteLength);
  to.u64(term);
  to.u64(index);
  to.bytes(data);
}

/** Reads all items; data shares memory with `bytes`. Errors: FormatError. */
export function decodeItems(bytes: Buffer): readonly LogItem[] {
  const from = new ByteReader(bytes);
  const items: LogItem[] = [];
  while (from.left > 0) items.push(decodeItem(from));
  return items;
}

function decodeItem(from: ByteReader): LogItem {
  const code = from.u8();
  switch (code) {
    case codeHardState:
      return { kind: 'hardState', hardState: { term: from.u64(), vote: from.u64(), commit: from.u64() } };
    case codeRestart:
      return { kind: 'restart', snapshot: decodeSnapshot(from) };
    case codeReleased:
      return { kind: 'released', snapshot: decodeSnapshot(from) };
    case codeEntry:
      return { kind: 'entry', entry: decodeEntry(from) };
    default:
      throw new FormatError(`it has an item of the unknown kind ${code}`, true);
  }
}

function decodeSnapshot(from: ByteReader): Snapshot {
  const autoLeave = from.u8() === 1;
  const counts = [from.u16(), from.u16(), from.u16(), from.u16()] as const;
  const [index, term] = [from.u64(), from.u64()];
  const list = (count: number): number[] => Array.from({ length: count }, () => from.u64());
  const confState: ConfState = {
    voters: list(counts[0]),
    learners: list(counts[1]),
    votersOutgoing: list(counts[2]),
    learnersNext: list(counts[3]),
    autoLeave,
  };
  return { index, term, confState };
}

function decodeEntry(from: ByteReader): Entry {
  const type = entryTypes[from.u8()];
  if (type === undefined) throw new FormatError('it has an entry of an unknown type', true);
  const length = from.u32();
  const [term, index] = [from.u64(), from.u64()];
  return { term, index, type, data: from.bytes(length) };
}
