import type { ConfState, Snapshot } from './protocol.ts';

/** A configuration without members. */
export const emptyConfState: ConfState = Object.freeze({
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
});

/** Where a log begins that nothing came before. */
export const noSnapshot: Snapshot = Object.freeze({ index: 0, term: 0, confState: emptyConfState });
