// When a slice that waits is told why. A status write per waiting slice would cost as much as running it, so who only waits
// for others to end is told late, and nobody is told the same thing twice.
import type { Unplaced } from './model.ts';

/** What was told of a group, and since when it waits. */
export interface Note {
  readonly sinceMs: number;
  readonly told?: { readonly message: string; readonly shape: string; readonly atMs: number };
}

/** How long a group may wait untold. What can never run is told at once; a node may be about to come. */
const graceMs: Readonly<Record<Unplaced['cause'], number>> = { never: 0, blocked: 1_000, busy: 30_000 };
/** A queue that moves explains itself: who is merely busy is told only when nothing was placed for so long, */
const stuckMs = 10_000;
/** or when it has waited so long, since others may pass by for ever. */
const patienceMs = 180_000;
/** Changes of numbers alone are told at most this often. */
const retellMs = 30_000;

/** In how many milliseconds to tell it; 0: now; undefined: it is told already. `placedMs`: when anything was placed last. */
export function tellInMs(unplaced: Unplaced, note: Note, placedMs: number, nowMs: number): number | undefined {
  const { told, sinceMs } = note;
  if (told?.message === unplaced.message) return undefined;
  const isNew = told === undefined || told.shape !== shapeOf(unplaced.message);
  const earliestMs = isNew ? sinceMs + graceMs[unplaced.cause] : told.atMs + retellMs;
  if (unplaced.cause !== 'busy') return Math.max(0, earliestMs - nowMs);
  const dueMs = Math.max(earliestMs, Math.min(placedMs + stuckMs, sinceMs + patienceMs));
  return Math.max(0, dueMs - nowMs);
}

/** The message without its numbers. */
export function shapeOf(message: string): string {
  return message.replace(/\d+(m|Ki|Mi|Gi)?/g, 'N');
}
