import { expect } from 'chai';
import { type Note, shapeOf, tellInMs } from './pending-notes.ts';

const never = Number.NEGATIVE_INFINITY;

describe('what waiting slices are told', () => {
  const told = (message: string, atMs: number): Note => ({
    sinceMs: 0,
    told: { message, shape: shapeOf(message), atMs },
  });
  for (const [title, cause, message, note, placedMs, nowMs, expected] of [
    ['at once what can never run', 'never', 'a 1', { sinceMs: 5 }, never, 5, 0],
    ['soon that there is no node', 'blocked', 'a 1', { sinceMs: 0 }, never, 400, 600],
    ['late that others are in the way', 'busy', 'a 1', { sinceMs: 0 }, never, 1_000, 29_000],
    ['not while the queue moves', 'busy', 'a 1', { sinceMs: 0 }, 39_000, 40_000, 9_000],
    ['when the queue stands', 'busy', 'a 1', { sinceMs: 0 }, 29_000, 40_000, 0],
    ['in the end though it moves', 'busy', 'a 1', { sinceMs: 0 }, 180_000, 180_000, 0],
    ['nothing twice', 'never', 'a 1', told('a 1', 0), never, 99_000, undefined],
    ['other numbers later', 'never', 'a 2', told('a 1', 10_000), never, 15_000, 25_000],
    ['another reason at once', 'never', 'b 2', told('a 1', 10_000), never, 15_000, 0],
  ] as const)
    it(title, () => {
      expect(tellInMs({ group: 'g', cause, message }, note, placedMs, nowMs)).to.equal(expected);
    });
});
