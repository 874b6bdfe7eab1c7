// Scripts of quorums: what index is committed, how a vote stands. Beside each answer stand others that must agree with it.

import type { MemberId } from '../../../barn/raft/protocol.ts';
import {
  type AckedIndexes,
  committedIndex,
  jointCommittedIndex,
  jointVoteResult,
  voteResult,
} from '../../../barn/raft/quorum.ts';
import type { Block } from './script.ts';

class Acked implements AckedIndexes {
  readonly indexes: ReadonlyMap<MemberId, number>;

  constructor(indexes: ReadonlyMap<MemberId, number>) {
    this.indexes = indexes;
  }

  ackedIndex(id: MemberId): number | undefined {
    return this.indexes.get(id);
  }

  with(id: MemberId, index: number): Acked {
    return new Acked(new Map([...this.indexes, [id, index]]));
  }
}

/** Runs one block; there is no state between them. */
export class QuorumScript {
  run(block: Block): string {
    const valuesOf = (key: string): readonly string[] =>
      block.args.filter((one) => one.key === key).flatMap(({ values }) => values);
    const isJoint = block.args.some(({ key }) => key === 'cfgj');
    const voters = valuesOf('cfg').map(Number);
    const outgoing = valuesOf('cfgj')
      .filter((one) => one !== 'zero')
      .map(Number);
    const ids = [...new Set([...voters, ...outgoing])];
    const given = valuesOf(block.command === 'vote' ? 'votes' : 'idx');
    if (given.length !== ids.length) {
      // Numbers as the scripts write them: nothing is 0, and votes are 1 and 2.
      const shown = given.map((one) => ({ _: '0', n: '1', y: '2' })[one] ?? one);
      return `error: mismatched input (explicit or _) for voters map[${ids
        .toSorted((one, other) => one - other)
        .map((id) => `${id}:{}`)
        .join(' ')}]: [${shown.join(' ')}]`;
    }
    const said = ids.flatMap((id, i) => (given[i] === '_' ? [] : [[id, given[i] ?? ''] as const]));
    if (block.command === 'vote')
      return runVote(voters, outgoing, isJoint, new Map(said.map(([id, v]) => [id, v === 'y'])));
    return runCommitted(voters, outgoing, isJoint, new Acked(new Map(said.map(([id, index]) => [id, Number(index)]))));
  }
}

function runVote(
  voters: readonly MemberId[],
  outgoing: readonly MemberId[],
  isJoint: boolean,
  votes: ReadonlyMap<MemberId, boolean>,
): string {
  if (!isJoint) return voteResult(voters, votes);
  const result = jointVoteResult({ voters, votersOutgoing: outgoing }, votes);
  const swapped = jointVoteResult({ voters: outgoing, votersOutgoing: voters }, votes);
  return swapped === result ? result : `${swapped} <-- via symmetry\n${result}`;
}

function runCommitted(
  voters: readonly MemberId[],
  outgoing: readonly MemberId[],
  isJoint: boolean,
  acked: Acked,
): string {
  const joint = (one: readonly MemberId[], other: readonly MemberId[]): number =>
    jointCommittedIndex({ voters: one, votersOutgoing: other }, acked);
  const ids = [...new Set([...voters, ...outgoing])].toSorted((one, other) => one - other);
  const lines = [describe(ids, acked)];
  const index = isJoint ? joint(voters, outgoing) : committedIndex(voters, acked);
  const check = (other: number, how: string): void => {
    if (other !== index) lines.push(`${shown(other)} <-- via ${how}\n`);
  };
  if (isJoint) {
    check(joint(outgoing, voters), 'symmetry');
  } else {
    check(joint(voters, []), 'zero-joint quorum');
    check(joint(voters, voters), 'self-joint quorum');
    for (const id of voters) {
      const own = acked.ackedIndex(id) ?? 0;
      // Who is below the committed index already changes nothing by falling further behind.
      if (own === 0 || own >= index) continue;
      check(committedIndex(voters, acked.with(id, own - 1)), `lowering ${id}`);
      check(committedIndex(voters, acked.with(id, 0)), `lowering ${id} to 0`);
    }
  }
  return `${lines.join('')}${shown(index)}`;
}

const shown = (index: number): string => (index === Number.POSITIVE_INFINITY ? '∞' : String(index));

/** Each voter's index with a bar as long as the number of voters that are behind it. */
function describe(ids: readonly MemberId[], acked: Acked): string {
  const count = ids.length;
  if (count === 0) return '<empty majority quorum>';
  const indexes = ids.map((id) => acked.ackedIndex(id) ?? 0);
  const lines = ids.map((id, i) => {
    const own = indexes[i] ?? 0;
    const behind = indexes.filter((index) => index < own).length;
    const bar =
      acked.ackedIndex(id) === undefined
        ? `?${' '.repeat(count)}`
        : `${'x'.repeat(behind)}>${' '.repeat(count - behind)}`;
    return `${bar} ${String(own).padStart(5)}    (id=${id.toString(16)})\n`;
  });
  return `${' '.repeat(count)}    idx\n${lines.join('')}`;
}
