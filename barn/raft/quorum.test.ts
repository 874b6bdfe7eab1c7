import { expect } from 'chai';
import fc from 'fast-check';
import type { MemberId } from './protocol.ts';
import { committedIndex, jointCommittedIndex, jointVoteResult, voteResult } from './quorum.ts';

const ids = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 9 });
const indexes = fc.dictionary(fc.integer({ min: 1, max: 9 }).map(String), fc.integer({ min: 0, max: 20 }));

const ackedOf = (given: Readonly<Record<string, number>>) => ({ ackedIndex: (id: MemberId) => given[id] });

/** The largest index that more than half have reached, by trying all. */
function slowly(voters: readonly MemberId[], given: Readonly<Record<string, number>>): number {
  if (voters.length === 0) return Number.POSITIVE_INFINITY;
  for (let index = 20; index > 0; index--)
    if (voters.filter((id) => (given[id] ?? 0) >= index).length * 2 > voters.length) return index;
  return 0;
}

describe('quorums', () => {
  it('commit what a plain count says', () => {
    fc.assert(
      fc.property(ids, ids, indexes, (voters, votersOutgoing, given) => {
        const acked = ackedOf(given);
        expect(committedIndex(voters, acked)).to.equal(slowly(voters, given));
        expect(jointCommittedIndex({ voters, votersOutgoing }, acked)).to.equal(
          Math.min(slowly(voters, given), slowly(votersOutgoing, given)),
        );
      }),
    );
  });

  it('decide a vote as soon as nobody can change it, and not before', () => {
    fc.assert(
      fc.property(ids, fc.dictionary(fc.integer({ min: 1, max: 9 }).map(String), fc.boolean()), (voters, given) => {
        const votes = new Map(Object.entries(given).map(([id, vote]) => [Number(id), vote]));
        const filled = (rest: boolean): number => voters.filter((id) => votes.get(id) ?? rest).length;
        const isWon = voters.length === 0 || filled(false) * 2 > voters.length;
        const canWin = voters.length === 0 || filled(true) * 2 > voters.length;
        const expected = isWon ? 'VoteWon' : canWin ? 'VotePending' : 'VoteLost';
        expect(voteResult(voters, votes)).to.equal(expected);
        expect(jointVoteResult({ voters, votersOutgoing: voters }, votes)).to.equal(expected);
        expect(jointVoteResult({ voters, votersOutgoing: [] }, votes)).to.equal(expected);
      }),
    );
  });

  for (const [title, incoming, outgoing, result] of [
    ['both won', true, true, 'VoteWon'],
    ['one lost', true, false, 'VoteLost'],
    ['one open', true, undefined, 'VotePending'],
    ['one open, one lost', false, undefined, 'VoteLost'],
  ] as const)
    it(`of two, ${title}: ${result}`, () => {
      const votes = new Map([[1, incoming], ...(outgoing === undefined ? [] : [[2, outgoing] as const])]);
      expect(jointVoteResult({ voters: [1], votersOutgoing: [2] }, votes)).to.equal(result);
    });
});
