// How one configuration follows from another: simple changes of one voter, and joint consensus (thesis, 4.1 and 4.3).
import { Inflights } from './inflights.ts';
import { Progress } from './progress.ts';
import type { ConfChange, ConfState, MemberId } from './protocol.ts';
import type { ProgressById } from './tracker.ts';

/** A configuration with what is known of its members, and what a new member begins with. */
export interface ConfigurationBase {
  readonly config: ConfState;
  readonly progress: ProgressById;
  /** Where a new member is probed first. */
  readonly lastIndex: number;
  readonly inflightCountMax: number;
  readonly inflightBytesMax: number;
}

/** Why a change cannot be made on a configuration. */
export type ChangeRefusal =
  | 'AlreadyJoint'
  | 'NotJoint'
  /** A simple change cannot be made before the joint configuration is left. */
  | 'StillJoint'
  /** Nobody votes, so no quorum could leave the joint configuration. */
  | 'NoVotersToJoin'
  | 'NoVotersLeft'
  /** Two majorities of which one voter in common is not sure: joint consensus is needed. */
  | 'MoreThanOneVoter';

/** The next configuration, sharing no progress with the base, or why there is none. */
export type ChangeResult =
  | { readonly kind: 'changed'; readonly config: ConfState; readonly progress: ProgressById }
  | { readonly kind: 'refused'; readonly why: ChangeRefusal };

type Changes = ConfChange['changes'];

interface Draft {
  readonly voters: Set<MemberId>;
  readonly outgoing: Set<MemberId>;
  readonly learners: Set<MemberId>;
  readonly learnersNext: Set<MemberId>;
  readonly progress: Map<MemberId, Progress>;
}

/** Changes that alter the voters by one at most. */
export function changeSimply(base: ConfigurationBase, changes: Changes): ChangeResult {
  if (isJoint(base.config)) return refused('StillJoint');
  const draft = copy(base);
  apply(base, draft, changes);
  if (draft.voters.size === 0) return refused('NoVotersLeft');
  const before = new Set(base.config.voters);
  const added = [...draft.voters].filter((id) => !before.has(id)).length;
  const removed = base.config.voters.filter((id) => !draft.voters.has(id)).length;
  return added + removed > 1 ? refused('MoreThanOneVoter') : changed(draft, false);
}

/** Enters a joint configuration: the voters of before stay on as the outgoing half. */
export function enterJoint(base: ConfigurationBase, autoLeave: boolean, changes: Changes): ChangeResult {
  if (isJoint(base.config)) return refused('AlreadyJoint');
  if (base.config.voters.length === 0) return refused('NoVotersToJoin');
  const draft = copy(base);
  for (const id of base.config.voters) draft.outgoing.add(id);
  apply(base, draft, changes);
  return draft.voters.size === 0 ? refused('NoVotersLeft') : changed(draft, autoLeave);
}

/** Leaves a joint configuration: the incoming half decides alone, and voters that were to become learners become them. */
export function leaveJoint(base: ConfigurationBase): ChangeResult {
  if (!isJoint(base.config)) return refused('NotJoint');
  const draft = copy(base);
  for (const id of draft.learnersNext) {
    draft.learners.add(id);
    const progress = draft.progress.get(id);
    if (progress !== undefined) progress.isLearner = true;
  }
  draft.learnersNext.clear();
  for (const id of draft.outgoing) if (!draft.voters.has(id) && !draft.learners.has(id)) draft.progress.delete(id);
  draft.outgoing.clear();
  return changed(draft, false);
}

/** Whether two majorities decide. */
export function isJoint(config: ConfState): boolean {
  return config.votersOutgoing.length > 0;
}

function apply(base: ConfigurationBase, draft: Draft, changes: Changes): void {
  for (const { type, id } of changes) {
    // Whoever applies entries may cross a change out by setting its id to 0.
    if (id === 0) continue;
    if (type === 'ConfChangeAddNode') makeVoter(base, draft, id);
    else if (type === 'ConfChangeAddLearnerNode') makeLearner(base, draft, id);
    else if (type === 'ConfChangeRemoveNode') remove(draft, id);
  }
}

function makeVoter(base: ConfigurationBase, draft: Draft, id: MemberId): void {
  const progress = draft.progress.get(id);
  draft.voters.add(id);
  if (progress === undefined) return begin(base, draft, id, false);
  progress.isLearner = false;
  draft.learners.delete(id);
  draft.learnersNext.delete(id);
}

/** A voter of the outgoing half cannot be a learner at the same time: it becomes one when the joint configuration is left. */
function makeLearner(base: ConfigurationBase, draft: Draft, id: MemberId): void {
  const progress = draft.progress.get(id);
  if (progress === undefined) {
    draft.learners.add(id);
    return begin(base, draft, id, true);
  }
  if (progress.isLearner) return;
  remove(draft, id);
  draft.progress.set(id, progress);
  if (draft.outgoing.has(id)) {
    draft.learnersNext.add(id);
  } else {
    progress.isLearner = true;
    draft.learners.add(id);
  }
}

function remove(draft: Draft, id: MemberId): void {
  draft.voters.delete(id);
  draft.learners.delete(id);
  draft.learnersNext.delete(id);
  if (!draft.outgoing.has(id)) draft.progress.delete(id);
}

function begin(base: ConfigurationBase, draft: Draft, id: MemberId, isLearner: boolean): void {
  const inflights = new Inflights(base.inflightCountMax, base.inflightBytesMax);
  const progress = new Progress(id, Math.max(base.lastIndex, 1), isLearner, inflights);
  // A new member has had no chance to speak yet: the next check of the quorum must not count that against the leader.
  progress.recentActive = true;
  draft.progress.set(id, progress);
}

function copy(base: ConfigurationBase): Draft {
  const progress = new Map<MemberId, Progress>();
  for (const [id, one] of base.progress) progress.set(id, one.copy());
  return {
    voters: new Set(base.config.voters),
    outgoing: new Set(base.config.votersOutgoing),
    learners: new Set(base.config.learners),
    learnersNext: new Set(base.config.learnersNext),
    progress,
  };
}

function changed(draft: Draft, autoLeave: boolean): ChangeResult {
  const config = {
    voters: ascending(draft.voters),
    learners: ascending(draft.learners),
    votersOutgoing: ascending(draft.outgoing),
    learnersNext: ascending(draft.learnersNext),
    autoLeave,
  };
  return { kind: 'changed', config, progress: draft.progress };
}

function ascending(ids: ReadonlySet<MemberId>): readonly MemberId[] {
  return [...ids].toSorted((one, other) => one - other);
}

function refused(why: ChangeRefusal): ChangeResult {
  return { kind: 'refused', why };
}
