import { type ChangeResult, type ConfigurationBase, changeSimply, enterJoint } from './change-configuration.ts';
import { emptyConfState } from './empty.ts';
import type { ConfChange, ConfChangeType, ConfState, MemberId } from './protocol.ts';

/**
 * The configuration that a stored ConfState describes, made by the same changes that could have led to it, so that a stored one
 * that breaks a rule is found. `limits` says what its members begin with.
 */
export function restoreConfiguration(
  limits: Omit<ConfigurationBase, 'config' | 'progress'>,
  stored: ConfState,
): ChangeResult {
  const incoming = [
    ...changes('ConfChangeRemoveNode', stored.votersOutgoing),
    ...changes('ConfChangeAddNode', stored.voters),
    ...changes('ConfChangeAddLearnerNode', stored.learners),
    ...changes('ConfChangeAddLearnerNode', stored.learnersNext),
  ];
  const isJoint = stored.votersOutgoing.length > 0;
  const oneByOne = isJoint ? changes('ConfChangeAddNode', stored.votersOutgoing) : incoming;

  let result: ChangeResult = { kind: 'changed', config: emptyConfState, progress: new Map() };
  for (const change of oneByOne) {
    result = changeSimply({ ...limits, config: result.config, progress: result.progress }, [change]);
    if (result.kind === 'refused') return result;
  }
  if (!isJoint) return result;
  return enterJoint({ ...limits, config: result.config, progress: result.progress }, stored.autoLeave, incoming);
}

function changes(type: ConfChangeType, ids: readonly MemberId[]): ConfChange['changes'] {
  return ids.map((id) => ({ type, id }));
}
