import { expect } from 'chai';
import { type Change, judge, type Observation } from './observations.ts';

const history: readonly Change[] = [
  { type: 'ADDED', version: 2, name: 'a' },
  { type: 'ADDED', version: 4, name: 'b' },
  { type: 'MODIFIED', version: 5, name: 'a' },
  { type: 'DELETED', version: 7, name: 'b' },
];
const object = (name: string, version: number | undefined, since: number) =>
  ({ saw: 'object', name, version, since }) as const;
const list = (at: number, since: number, ...items: readonly (readonly [string, number])[]) =>
  ({ saw: 'list', at, since, items: new Map(items) }) as const;
const watched = (after: number, upTo: number, ...at: readonly number[]) =>
  ({ saw: 'changes', after, upTo, changes: history.filter((_, index) => at.includes(index)) }) as const;

describe('what clients saw', () => {
  for (const [title, seen, violation] of [
    ['takes the newest version', object('a', 5, 6), undefined],
    ['takes one that was replaced while the request went on', object('a', 2, 4), undefined],
    ['finds one that was replaced before it began', object('a', 2, 5), /was over at 5/],
    ['finds one that never was', object('a', 3, 0), /never was/],
    ['takes an absence before the first version', object('b', undefined, 3), undefined],
    ['takes an absence while the deletion went on', object('b', undefined, 5), undefined],
    ['finds a deleted one', object('b', 4, 7), /was over at 7/],
    ['finds an absence of what is there', object('a', undefined, 5), /it is there since 5/],
    ['takes a list of a version', list(6, 5, ['a', 5], ['b', 4]), undefined],
    ['finds a list that is too old', list(4, 5, ['a', 2], ['b', 4]), /older than 5/],
    ['finds a list without an object', list(5, 0, ['a', 5]), /there was \[a@5 b@4\]/],
    ['finds a list with an object that is gone', list(8, 0, ['a', 5], ['b', 4]), /there was \[a@5\]/],
    ['takes a whole watch', watched(2, 7, 1, 2, 3), undefined],
    ['finds a gap in a watch', watched(2, 7, 1, 3), /told \[ADDED b 4, DELETED b 7\]/],
    ['finds what was told twice', watched(4, 7, 1, 2, 3), /happened \[MODIFIED a 5, DELETED b 7\]/],
    ['takes a write that is there', { saw: 'write', name: 'a', version: 5 }, undefined],
    ['finds a lost write', { saw: 'write', name: 'a', version: 6 }, /is in no history/],
  ] as const satisfies readonly (readonly [string, Observation, RegExp | undefined])[])
    it(title, () => {
      const found = judge(history, [seen]);
      if (violation === undefined) expect(found).to.deep.equal([]);
      else expect(found.join('\n')).to.match(violation);
    });
});
