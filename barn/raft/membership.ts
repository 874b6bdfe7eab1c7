// Changes of the configuration take effect when their entry is applied (unlike in the paper, where they do when it is appended).
import { assert } from '../../base/index.ts';
import { changeOf, memberLimits } from './apply-conf-change.ts';
import type { ChangeResult } from './change-configuration.ts';
import { sameConfState } from './conf-change.ts';
import type { ConfChange, ConfState } from './protocol.ts';
import type { Raft } from './raft.ts';
import { broadcastAppend, sendAppend, tryCommit } from './replication.ts';
import { restoreConfiguration } from './restore-configuration.ts';
import { becomeFollower } from './roles.ts';
import type { ProgressById } from './tracker.ts';

/** Makes a committed change and returns the configuration it led to. A change that cannot be made is a bug of who let it in. */
export function applyConfChange(raft: Raft, change: ConfChange): ConfState {
  const result = changeOf(raft, change);
  assert(result.kind === 'changed', `member ${raft.id} cannot apply a change of the configuration: ${whyOf(result)}`);
  switchTo(raft, result.config, result.progress);
  return result.config;
}

/** Takes over a stored configuration. */
export function restoreConfState(raft: Raft, stored: ConfState): void {
  const result = restoreConfiguration(memberLimits(raft), stored);
  assert(result.kind === 'changed', `member ${raft.id} cannot restore its configuration: ${whyOf(result)}`);
  assert(sameConfState(stored, result.config), 'the restored configuration is not the stored one');
  switchTo(raft, result.config, result.progress);
}

function whyOf(result: ChangeResult): string {
  return result.kind === 'refused' ? result.why : '';
}

function switchTo(raft: Raft, config: ConfState, progress: ProgressById): void {
  raft.tracker.use(config, progress);
  raft.trace?.(`${raft.id} switched to configuration ${JSON.stringify(config)}`);
  const self = raft.tracker.get(raft.id);
  raft.isLearner = self?.isLearner ?? false;
  if (raft.role !== 'StateLeader') return;

  if (self === undefined || raft.isLearner) {
    if (raft.settings.stepDownOnRemoval) becomeFollower(raft, raft.term, 0);
    return;
  }
  if (config.voters.length === 0) return;
  if (tryCommit(raft)) {
    broadcastAppend(raft);
  } else {
    // New members are probed at once rather than with the next heartbeat.
    for (const peer of raft.tracker.peers) if (peer.id !== raft.id) sendAppend(raft, peer, false);
  }
  if (raft.transferee !== 0 && !raft.tracker.voters.includes(raft.transferee)) raft.transferee = 0;
}
