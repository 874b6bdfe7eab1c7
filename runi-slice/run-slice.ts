import type { Clock } from '../base/index.ts';
import type { RunningCounters } from './counters.ts';
import { DeadLetters } from './flow/dead-letters.ts';
import { Emitter, type Output } from './flow/emitter.ts';
import type { SliceResult, SliceSpec } from './protocol/index.ts';
import { runStep } from './run-step.ts';
import { openOutput } from './sinks/open-output.ts';
import { messageOf, SliceError } from './slice-error.ts';
import { type OpenedSource, openSource } from './sources/open-source.ts';

/** What a slice works with. */
export interface SliceDeps {
  readonly clock: Clock;
  /** Ends the slice with reason Cancelled. */
  readonly signal: AbortSignal;
  readonly counters: RunningCounters;
}

interface Opened {
  readonly sources: OpenedSource[];
  readonly outputs: Output[];
}

/**
 * Runs the one step of `spec` from its inputs to its outputs. Never throws: how it ended is the result. `counters` may be
 * looked at meanwhile.
 */
export async function runSlice(spec: SliceSpec, deps: SliceDeps): Promise<SliceResult> {
  const { counters, signal } = deps;
  const opened: Opened = { sources: [], outputs: [] };
  try {
    // Whatever the step waits for, a cancellation ends the waiting.
    await Promise.race([runOpened(spec, deps, opened), aborted(signal)]);
    return { ok: true, reason: '', message: '', counters };
  } catch (cause) {
    const error = failureOf(cause, signal);
    await Promise.all(opened.outputs.map((output) => output.abort(`${spec.step} failed: ${error.message}`)));
    return { ok: false, reason: error.reason, message: error.message, counters };
  } finally {
    await Promise.allSettled(opened.sources.map((source) => source.close()));
  }
}

async function runOpened(spec: SliceSpec, deps: SliceDeps, opened: Opened): Promise<void> {
  const { counters } = deps;
  const letters = new DeadLetters(spec, deps.clock, counters);
  const wanted = spec.use === 'validate' ? spec.contract : undefined;
  for (const input of spec.inputs)
    opened.sources.push(await openSource(input, { counters, letters, recordBytesMax: spec.recordBytesMax }, wanted));
  const raw = spec.use === 'exec' && allText(spec);
  for (const output of spec.outputs) opened.outputs.push(await openOutput(output, counters, raw, deps.signal));
  const emitter = new Emitter(opened.outputs, counters);
  await runStep(opened.sources, { ...deps, spec, emitter, letters });
  letters.finish();
  await emitter.finish();
}

function allText(spec: SliceSpec): boolean {
  return spec.outputs.length > 0 && spec.outputs.every((output) => output.kind === 'file' && output.format === 'text');
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function failureOf(cause: unknown, signal: AbortSignal): SliceError {
  if (signal.aborted && signal.reason instanceof SliceError) return signal.reason;
  if (signal.aborted) return new SliceError('Cancelled', messageOf(signal.reason), { cause });
  if (cause instanceof SliceError) return cause;
  if (cause instanceof Error && cause.name === 'ExpressionError')
    return new SliceError('InvalidStep', cause.message, { cause });
  return new SliceError('StepFailed', messageOf(cause), { cause });
}
