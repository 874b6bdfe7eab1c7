// Scripts of configuration changes, without a log or messages.
import {
  type ChangeRefusal,
  type ChangeResult,
  type ConfigurationBase,
  changeSimply,
  enterJoint,
  leaveJoint,
} from '../../../barn/raft/change-configuration.ts';
import { emptyConfState } from '../../../barn/raft/empty.ts';
import { progressOf } from '../../../barn/raft/status.ts';
import { describeConfiguration, describeProgress, parseChanges } from './describe.ts';
import { type Block, valueOf } from './script.ts';

/** How the scripts call a refusal. */
const refusals: Readonly<Record<ChangeRefusal, string>> = {
  AlreadyJoint: 'config is already joint',
  NotJoint: "can't leave a non-joint config",
  StillJoint: "can't apply simple config change in joint config",
  NoVotersToJoin: "can't make a zero-voter config joint",
  NoVotersLeft: 'removed all voters',
  MoreThanOneVoter: 'more than one voter changed without entering joint config',
};

/** Runs the blocks of one script, in order; each moves the log's end by one. */
export class ConfigurationScript {
  private base: ConfigurationBase = {
    config: emptyConfState,
    progress: new Map(),
    lastIndex: 0,
    inflightCountMax: 10,
    inflightBytesMax: Number.POSITIVE_INFINITY,
  };

  run(block: Block): string {
    const result = this.change(block);
    this.base = { ...this.base, lastIndex: this.base.lastIndex + 1 };
    if (result.kind === 'refused') return refusals[result.why];
    const { config, progress } = result;
    this.base = { ...this.base, config, progress };
    const peers = [...progress.values()].toSorted((one, other) => one.id - other.id);
    const lines = describeProgress(peers.map(progressOf));
    return `${describeConfiguration(config)}\n${lines}`;
  }

  private change(block: Block): ChangeResult {
    const changes = parseChanges(block.input);
    switch (block.command) {
      case 'simple':
        return changeSimply(this.base, changes);
      case 'enter-joint':
        return enterJoint(this.base, valueOf(block, 'autoleave') === 'true', changes);
      case 'leave-joint':
        return leaveJoint(this.base);
      default:
        throw new Error(`unknown command ${block.command}`);
    }
  }
}
