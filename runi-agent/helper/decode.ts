// Events of the helper, from the bytes of its stream socket.
import type { SlotExit, SpawnReason } from '../spawner.ts';
import { constants, eventOffsets as offset } from './request.gen.ts';

/** One message of the helper. */
export type HelperEvent =
  | { readonly kind: 'ready'; readonly state: string }
  | { readonly kind: 'volume'; readonly herd: string; readonly name: string; readonly writable: boolean }
  | { readonly kind: 'done'; readonly id: number; readonly pid: number }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: SpawnReason; readonly text: string }
  | { readonly kind: 'exited'; readonly exit: SlotExit };

/** Cuts the stream into events; holds less than one event. Throws when the helper is of another version. */
export class EventReader {
  #held: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): HelperEvent[] {
    let bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const events: HelperEvent[] = [];
    for (; bytes.length >= offset.size; bytes = bytes.subarray(offset.size)) events.push(decode(bytes));
    this.#held = Buffer.from(bytes);
    return events;
  }
}

function decode(bytes: Buffer): HelperEvent {
  const version = bytes.readUInt32LE(offset.version);
  if (version !== constants.version) throw new Error(`the helper speaks version ${version}, not ${constants.version}`);
  const id = bytes.readUInt32LE(offset.id);
  const type = bytes.readUInt32LE(offset.type);
  switch (type) {
    case constants.ready:
      return { kind: 'ready', state: text(bytes, offset.text, constants.textBytes) };
    case constants.volume:
      return {
        kind: 'volume',
        herd: text(bytes, offset.herd, constants.nameBytes),
        name: text(bytes, offset.volume, constants.nameBytes),
        writable: bytes.readUInt32LE(offset.writable) === 1,
      };
    case constants.done:
      return { kind: 'done', id, pid: bytes.readUInt32LE(offset.pid) };
    case constants.failed: {
      const reason = reasons.get(bytes.readUInt32LE(offset.reason)) ?? 'Kernel';
      return { kind: 'failed', id, reason, text: text(bytes, offset.text, constants.textBytes) };
    }
    case constants.exited:
      return { kind: 'exited', exit: exit(bytes) };
    default:
      throw new Error(`the helper sent an event of unknown type ${type}`);
  }
}

function exit(bytes: Buffer): SlotExit {
  const signal = bytes.readUInt32LE(offset.signal);
  const count = (at: number): number => Number(bytes.readBigUInt64LE(at));
  return {
    slot: text(bytes, offset.slot, constants.slotBytes),
    exitCode: signal === 0 ? bytes.readUInt32LE(offset.exitCode) : null,
    signal: signal === 0 ? null : signal,
    oomKilled: bytes.readUInt32LE(offset.oomKilled) === 1,
    memoryPeakBytes: count(offset.memoryPeakBytes),
    cpuMs: count(offset.cpuUs) / 1000,
    pidsRefused: count(offset.pidsRefused),
    cpuThrottled: count(offset.cpuThrottled),
  };
}

function text(bytes: Buffer, at: number, bytesMax: number): string {
  const field = bytes.subarray(at, at + bytesMax);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? bytesMax : end);
}

const reasons: ReadonlyMap<number, SpawnReason> = new Map([
  [constants.refused, 'Refused'],
  [constants.notFound, 'NotFound'],
  [constants.invalid, 'Invalid'],
  [constants.kernel, 'Kernel'],
]);
