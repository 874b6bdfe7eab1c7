import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep } from '../../base/index.ts';
import { RunningCounters } from '../counters.ts';
import type { Batch, Source } from '../flow/batch.ts';
import { FileReader } from '../flow/byte-reader.ts';
import { messageOf, SliceError } from '../slice-error.ts';
import { LineSource } from '../sources/lines.ts';
import type { StepContext } from './step.ts';

/** The share of a slice's memory that a spool in /tmp may take; /tmp itself is a quarter of it. */
const spoolShare = 0.2;
/** How long a full spool waits for the build side to go on before it takes both for stuck. */
const stallMsMax = 30_000;

/**
 * Keeps the probe side of a join moving while the build side is read: its records go to a file in /tmp, and come out of
 * `next()` again before those that were not read yet. At its bound it lets the probe wait; if the build side then does not
 * go on either, both wait for each other, and the step fails.
 */
export class ProbeSpool implements Source {
  readonly #probe: Source;
  readonly #context: StepContext;
  readonly #bytesMax: number;
  #fd: number | undefined;
  #bytes = 0;
  #progress = 0;
  #stopped: (() => void) | undefined;
  readonly #stop: Promise<void>;
  #building = true;
  /** Asked for while the build side ended: the first batch behind the spool. */
  #pending: Promise<Batch | undefined> | undefined;
  #spooled: LineSource | undefined;
  #probeEnded = false;

  constructor(probe: Source, context: StepContext) {
    this.#probe = probe;
    this.#context = context;
    this.#bytesMax = Math.floor(context.spec.memoryBytesMax * spoolShare);
    this.#stop = new Promise((resolve) => {
      this.#stopped = resolve;
    });
  }

  /** The build side has read something. */
  buildWentOn(): void {
    this.#progress++;
  }

  /** The build side has ended. */
  stop(): void {
    this.#building = false;
    this.#stopped?.();
  }

  /** Reads the probe until it ends or `stop` is called. */
  async drain(): Promise<void> {
    while (this.#building) {
      this.#pending = this.#probe.next();
      const batch = await Promise.race([this.#pending, this.#stop.then(() => 'stopped' as const)]);
      if (batch === 'stopped') return;
      this.#pending = undefined;
      if (batch === undefined) {
        this.#probeEnded = true;
        return;
      }
      this.#append(batch);
      if (this.#bytes >= this.#bytesMax) await this.#waitForBuild();
    }
  }

  async next(): Promise<Batch | undefined> {
    if (this.#fd !== undefined) {
      this.#spooled ??= this.#openSpooled(this.#fd);
      const batch = await this.#spooled.next();
      if (batch !== undefined) return batch;
      await this.#spooled.close();
      this.#fd = undefined;
    }
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending !== undefined) return pending;
    return this.#probeEnded ? undefined : this.#probe.next();
  }

  close(): Promise<void> {
    if (this.#fd !== undefined && this.#spooled === undefined) closeSync(this.#fd);
    return this.#probe.close();
  }

  #append(batch: Batch): void {
    try {
      this.#fd ??= openUnnamed();
      for (let index = 0; index < batch.count; ) {
        // Neighbours lie one line break apart.
        const start = batch.start(index++);
        while (
          index < batch.count &&
          batch.start(index) === batch.end(index - 1) + 1 &&
          batch.buffer[batch.end(index - 1)] === 0x0a
        )
          index++;
        const end = batch.end(index - 1);
        this.#bytes += writeSync(this.#fd, batch.buffer, start, end - start);
        this.#bytes += writeSync(this.#fd, '\n');
      }
    } catch (cause) {
      throw new SliceError('MemoryExceeded', `spool the first input of the join in /tmp: ${messageOf(cause)}`, {
        cause,
      });
    }
  }

  async #waitForBuild(): Promise<void> {
    while (this.#building) {
      const before = this.#progress;
      const waited = new AbortController();
      await Promise.race([this.#stop, sleep(this.#context.clock, stallMsMax, waited.signal).catch(() => undefined)]);
      waited.abort();
      if (!this.#building || this.#progress > before) continue;
      throw new SliceError(
        'MemoryExceeded',
        `the first input of the join filled its spool (${this.#bytes} bytes, a fifth of the step's memory) before the last input ended, and that one waits for it; raise resources.memory or let the inputs come from different steps`,
      );
    }
  }

  #openSpooled(fd: number): LineSource {
    const { spec, letters } = this.#context;
    // Its records were counted when they came in. Offsets are those of the edge: an edge is the same bytes.
    const uncounted = { counters: new RunningCounters(), letters, recordBytesMax: Number.MAX_SAFE_INTEGER };
    const name = spec.inputs[0]?.name ?? '';
    const trusted = { check: () => undefined };
    return new LineSource(new FileReader(fd, 'spool'), { name, source: `edge:${name}` }, uncounted, trusted);
  }
}

/** A file that only its descriptor leads to. */
function openUnnamed(): number {
  const folder = mkdtempSync(join(tmpdir(), 'spool-'));
  const fd = openSync(join(folder, 'probe'), 'w+', 0o600);
  rmSync(folder, { recursive: true });
  return fd;
}
