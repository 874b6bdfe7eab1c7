import type { Clock } from '../../base/index.ts';
import type { RunningCounters } from '../counters.ts';
import type { Batch, Source } from '../flow/batch.ts';
import type { DeadLetters } from '../flow/dead-letters.ts';
import type { Emitter } from '../flow/emitter.ts';
import type { SliceSpec } from '../protocol/index.ts';

/** What a step has to work with. */
export interface StepContext {
  readonly spec: SliceSpec;
  readonly emitter: Emitter;
  readonly letters: DeadLetters;
  readonly counters: RunningCounters;
  readonly clock: Clock;
  /** Aborts when the slice is cancelled. */
  readonly signal: AbortSignal;
}

/** A step that sees its records batch by batch, whatever the number of inputs. */
export interface BatchStep {
  /** Gives what comes of the batch to the emitter; may change the batch. */
  process(batch: Batch): void | Promise<void>;
  /** After the last batch. */
  finish?(): void | Promise<void>;
}

/** The pull loop: one batch after another from `source` through `step`, waiting whenever the outputs are behind. */
export async function pump(source: Source, step: BatchStep, context: StepContext): Promise<void> {
  const { emitter, letters, signal } = context;
  for (;;) {
    const batch = await source.next();
    signal.throwIfAborted();
    letters.flush();
    if (batch === undefined) break;
    const working = step.process(batch);
    if (working !== undefined) await working;
    letters.flush();
    await emitter.room();
  }
  await step.finish?.();
  letters.flush();
  await emitter.room();
}
