// Dead letters: one NDJSON line each (AUTHORING §4), appended to a file that the slices of a group share.

import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { closeSync, constants, fsyncSync, openSync, writeSync } from 'node:fs';
import type { Clock } from '../../base/index.ts';
import type { RunningCounters } from '../counters.ts';
import type { ContractSpec, SliceSpec } from '../protocol/index.ts';
import { messageOf, SliceError } from '../slice-error.ts';
import type { Batch, Origin } from './batch.ts';

/** Letters gathered before they are written, in one write. */
const lettersBytesMax = 1024 * 1024;
/** How much of a record that is too large is kept. */
export const originalCutBytes = 1024;

/** Why one record was refused: a stable code, a path into the record ('' for the whole), words. */
export interface Rejection {
  readonly code: string;
  readonly path: string;
  readonly reason: string;
}

/** The bytes of a refused record; `size` is its full length when only the beginning is at hand. */
export interface Refused {
  readonly origin: Origin;
  readonly offset: number;
  readonly bytes: Buffer;
  readonly size?: number;
}

/** Takes every record that the step refuses. Without a file the first one fails the step. */
export class DeadLetters {
  readonly #spec: SliceSpec;
  readonly #clock: Clock;
  readonly #counters: RunningCounters;
  readonly #fd: number | undefined;
  #lines: Buffer[] = [];
  #bytes = 0;

  constructor(spec: SliceSpec, clock: Clock, counters: RunningCounters) {
    this.#spec = spec;
    this.#clock = clock;
    this.#counters = counters;
    this.#fd = spec.deadLetters === undefined ? undefined : openAppending(spec.deadLetters.path);
  }

  /** A record of a batch. */
  addFrom(batch: Batch, index: number, why: Rejection, contract?: ContractSpec): void {
    const bytes = batch.buffer.subarray(batch.start(index), batch.end(index));
    this.add({ origin: batch.origin, offset: batch.offset(index), bytes }, why, contract);
  }

  /** Copies what it keeps of the bytes. */
  add(record: Refused, why: Rejection, contract?: ContractSpec): void {
    if (this.#fd === undefined) throw withoutLetters(record, why);
    this.#counters.recordsRejected++;
    const line = Buffer.from(`${JSON.stringify(this.#letter(record, why, contract))}\n`);
    if (this.#bytes + line.length > lettersBytesMax) this.flush();
    this.#lines.push(line);
    this.#bytes += line.length;
  }

  /** Writes what was gathered: one write, whole letters (the file is opened with O_APPEND). */
  flush(): void {
    if (this.#fd === undefined || this.#bytes === 0) return;
    const all = this.#lines.length === 1 ? this.#lines[0] : Buffer.concat(this.#lines);
    this.#lines = [];
    this.#bytes = 0;
    if (all === undefined) return;
    try {
      const written = writeSync(this.#fd, all);
      if (written !== all.length) throw new Error(`only ${written} of ${all.length} bytes were written`);
    } catch (cause) {
      throw new SliceError('SinkNotWritable', `write dead letters: ${messageOf(cause)}`, { cause });
    }
  }

  /** Writes the rest and waits until it is on disk. */
  finish(): void {
    if (this.#fd === undefined) return;
    this.flush();
    try {
      fsyncSync(this.#fd);
      closeSync(this.#fd);
    } catch (cause) {
      throw new SliceError('SinkNotWritable', `sync dead letters: ${messageOf(cause)}`, { cause });
    }
  }

  #letter(record: Refused, why: Rejection, contract: ContractSpec | undefined): Record<string, unknown> {
    const { herd, pipeline, run, step, slice, attempt } = this.#spec;
    const { source } = record.origin;
    const time = new Date(this.#clock.now()).toISOString();
    const size = record.size ?? record.bytes.length;
    const cut = size > record.bytes.length;
    const readable = isUtf8(cut ? withoutCutCharacter(record.bytes) : record.bytes);
    return {
      id: letterId(run, step, source, record.offset),
      run,
      pipeline,
      step,
      slice,
      herd,
      contract: contract === undefined ? '' : `${contract.name}@${contract.version}`,
      schemaHash: contract?.schemaHash ?? '',
      source,
      offset: record.offset,
      code: why.code,
      path: why.path,
      reason: why.reason,
      attempts: attempt,
      firstTime: time,
      lastTime: time,
      original: record.bytes.toString(readable ? 'utf8' : 'base64'),
      ...(readable ? {} : { originalEncoding: 'base64' }),
      ...(cut ? { originalBytes: size, originalCut: true } : {}),
    };
  }
}

/** Equal for the same record of the same run, step and source, whatever the attempt. */
export function letterId(run: string, step: string, source: string, offset: number): string {
  return createHash('sha256')
    .update(JSON.stringify([run, step, source, offset]))
    .digest('hex')
    .slice(0, 32);
}

function withoutLetters(record: Refused, why: Rejection): SliceError {
  const decoding = why.code === 'decode' || why.code === 'too_large' || why.code === 'too_deep';
  return new SliceError(
    decoding ? 'DecodeFailed' : 'ContractViolation',
    `record at ${record.offset} of ${record.origin.source}: ${why.code}${why.path === '' ? '' : ` at ${why.path}`}: ${why.reason} (the pipeline has no deadLetters)`,
  );
}

function withoutCutCharacter(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && end > bytes.length - 4 && ((bytes[end - 1] ?? 0) & 0xc0) === 0x80) end--;
  return end > 0 && (bytes[end - 1] ?? 0) >= 0xc0 ? bytes.subarray(0, end - 1) : bytes;
}

function openAppending(path: string): number {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o644);
  } catch (cause) {
    throw new SliceError('SinkNotWritable', `open dead letters: ${messageOf(cause)}`, { cause });
  }
}
