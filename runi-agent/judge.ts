// What a group attempt came to, from how each of its slices ended. Pure: the rule that finds the slice to blame.
import { constants } from 'node:os';
import type { Slice } from '../apis/index.ts';
import { present } from '../base/index.ts';
import type { Counters, SliceResult } from '../runi-slice/protocol/index.ts';
import type { SlotExit } from './spawner.ts';

/** How one slice of the group ended. */
export interface MemberEnd {
  readonly slice: string;
  readonly step: string;
  readonly runtime: 'node' | 'native';
  /** Place in the order in which slices ended, from 0; a slice that never started has the last. */
  readonly order: number;
  /** Absent when it was never launched. */
  readonly exit?: SlotExit;
  readonly result?: SliceResult;
  readonly counters?: Counters;
  /** It broke the control protocol. */
  readonly violation?: string;
  /** It could not be launched, or its files not be published. */
  readonly refusal?: { readonly reason: string; readonly message: string };
  /** The agent killed it before it ended by itself. */
  readonly killed: boolean;
  readonly limits: { readonly pidsMax: number; readonly cpuMillis: number; readonly memoryBytes: number };
  readonly startTime?: string;
  readonly completionTime: string;
}

/** Why the agent ended the group, when not for a failure of its own. */
export type EndCause =
  | { readonly kind: 'cancelled'; readonly slices: readonly string[] }
  | { readonly kind: 'gone'; readonly message: string };

/** The status that the agent writes when a slice is over. */
export type FinalStatus = NonNullable<Slice['status']>;

/** Throttled periods from which on a success says so; a start alone meets a few. */
const throttledNoteMin = 10;
/** Reasons of a slice that only felt another's end. */
const secondHand: ReadonlySet<string> = new Set(['UpstreamFailed', 'DownstreamFailed', 'EdgeBroken', 'Cancelled']);

interface Failure {
  readonly reason: string;
  readonly message: string;
  /** 0: its own fault, 1: it felt another's, 2: the agent ended it. */
  readonly rank: 0 | 1 | 2;
}

/** Why the slice failed, or undefined: it did what it should. */
export function failureOf(end: MemberEnd): Failure | undefined {
  const { exit, result } = end;
  if (end.refusal !== undefined) return { ...end.refusal, rank: 0 };
  if (end.violation !== undefined) return { reason: 'ProtocolError', message: end.violation, rank: 0 };
  if (exit === undefined) return { reason: 'GroupFailed', message: 'it was not started', rank: 2 };
  const isDone = exit.exitCode === 0 && (end.runtime === 'native' || result?.ok === true);
  if (isDone) return undefined;
  if (exit.oomKilled)
    return { reason: 'OOMKilled', message: `it needed more memory than its limit of ${limitText(end)}`, rank: 0 };
  if (result?.ok === false)
    return { reason: result.reason, message: result.message, rank: secondHand.has(result.reason) ? 1 : 0 };
  if (end.killed && exit.signal === constants.signals.SIGKILL)
    return { reason: 'GroupFailed', message: 'the agent killed it', rank: 2 };
  return exitFailure(end, exit);
}

function exitFailure(end: MemberEnd, exit: SlotExit): Failure {
  if (exit.signal === constants.signals.SIGPIPE || exit.exitCode === 128 + constants.signals.SIGPIPE)
    return { reason: 'StepFailed', message: 'what reads its output closed the pipe', rank: 1 };
  // V8 aborts when the heap reaches --max-old-space-size, which is below the memory limit.
  if (end.runtime === 'node' && end.result === undefined && exit.signal === constants.signals.SIGABRT)
    return {
      reason: 'OOMKilled',
      message: `its JavaScript heap reached what the memory limit of ${limitText(end)} allows`,
      rank: 0,
    };
  if (exit.signal !== null)
    return { reason: 'StepFailed', message: `it was ended by ${signalName(exit.signal)}`, rank: 0 };
  if (exit.exitCode === 0) return { reason: 'ProtocolError', message: 'it ended without saying how it went', rank: 0 };
  return { reason: 'StepFailed', message: `it exited with code ${String(exit.exitCode)}`, rank: 0 };
}

/** The slice to blame for a failed group: its own fault before felt ones, then who ended first. */
export function culpritOf(
  ends: readonly MemberEnd[],
): { readonly end: MemberEnd; readonly failure: Failure } | undefined {
  return ends
    .flatMap((end) => {
      const failure = failureOf(end);
      return failure === undefined ? [] : [{ end, failure }];
    })
    .sort((a, b) => a.failure.rank - b.failure.rank || a.end.order - b.end.order)[0];
}

/** The final status of every slice, in the order given. */
export function judge(ends: readonly MemberEnd[], cause?: EndCause): readonly FinalStatus[] {
  const culprit = culpritOf(ends);
  if (culprit === undefined && cause === undefined)
    return ends.map((end) => ({ phase: 'Succeeded', ...measured(end), ...messageOf('', notes(end, false)) }));
  return ends.map((end) => {
    const own = failureOf(end);
    const isBlamed = own !== undefined && own.rank === 0 && (end === culprit?.end || cause === undefined);
    if (isBlamed) return failed(end, own.reason, own.message);
    if (cause?.kind === 'cancelled' && cause.slices.includes(end.slice))
      return failed(end, 'Cancelled', 'it was deleted while it ran');
    if (culprit !== undefined && culprit.failure.rank < 2) {
      if (culprit.end === end) return failed(end, culprit.failure.reason, culprit.failure.message);
      const { slice, step } = culprit.end;
      return failed(end, 'GroupFailed', `step "${step}" (slice ${slice}) failed: ${culprit.failure.reason}`);
    }
    if (cause?.kind === 'cancelled')
      return failed(end, 'GroupFailed', `slice ${cause.slices.join(', ')} was cancelled`);
    return failed(end, 'GroupFailed', present(cause, 'cause of an end without a culprit').message);
  });
}

function failed(end: MemberEnd, reason: string, message: string): FinalStatus {
  return { phase: 'Failed', reason, ...measured(end), ...messageOf(message, notes(end, true)) };
}

function measured(end: MemberEnd): FinalStatus {
  const { exit, startTime } = end;
  const counters = end.result?.counters ?? end.counters;
  return {
    ...(startTime === undefined ? {} : { startTime }),
    completionTime: end.completionTime,
    ...(exit?.exitCode == null ? {} : { exitCode: exit.exitCode }),
    ...(exit?.signal == null ? {} : { signal: exit.signal }),
    ...(counters === undefined ? {} : { counters }),
    ...(exit === undefined || exit.memoryPeakBytes === 0 ? {} : { memoryPeakBytes: exit.memoryPeakBytes }),
    ...(exit === undefined || exit.cpuMs === 0 ? {} : { cpuMs: Math.round(exit.cpuMs) }),
  };
}

function notes(end: MemberEnd, isFailed: boolean): readonly string[] {
  const { exit, limits } = end;
  if (exit === undefined) return [];
  const found: string[] = [];
  if (exit.pidsRefused > 0 && isFailed)
    found.push(`PidsLimit: ${exit.pidsRefused} forks were refused at ${limits.pidsMax} processes`);
  if (exit.cpuThrottled > (isFailed ? 0 : throttledNoteMin))
    found.push(`CpuThrottled: held at ${limits.cpuMillis}m cpu in ${exit.cpuThrottled} periods`);
  return found;
}

function limitText({ limits: { memoryBytes } }: MemberEnd): string {
  return `${Math.floor(memoryBytes / 1024 ** 2)}Mi`;
}

function messageOf(message: string, more: readonly string[]): { readonly message?: string } {
  const text = [message, ...more].filter((part) => part !== '').join('; ');
  return text === '' ? {} : { message: text };
}

function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;
}
