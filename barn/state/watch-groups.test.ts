import { expect } from 'chai';
import { seededRandom } from '../../base/index.ts';
import { prefixEnd } from '../barn.ts';
import { covers, type Interest, LogEntry } from './event-log.ts';
import { tombstone } from './transaction.ts';
import { WatchGroups } from './watch-groups.ts';
import { Watcher } from './watcher.ts';

const keys = ['a', 'a/', 'a/1', 'a/12', 'a/2', 'b', 'b~', '~'];
const interests: readonly Interest[] = [
  ...keys.map((key) => ({ start: key, end: undefined, prevValue: false })),
  ...keys.map((key) => ({ start: key, end: prefixEnd(key), prevValue: false })),
  { start: 'a/', end: prefixEnd('a/'), prevValue: true },
  { start: '', end: '\x7f', prevValue: false },
  { start: 'a/1', end: 'b', prevValue: false },
  { start: 'a', end: 'a/1', prevValue: false },
];

describe('groups of watches', () => {
  const seed = Number(process.env['BARN_SEED'] ?? Date.now() % 2 ** 31);

  it(`find all who ask for a key of an entry, each once (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const pick = <Item>(from: readonly Item[]): Item | undefined => from[Math.floor(random.next() * from.length)];
    const groups = new WatchGroups();
    const watchers = new Set<Watcher>();
    for (let turn = 0; turn < 3_000; turn++) {
      const interest = pick(interests);
      const leaving = pick([...watchers]);
      if (random.next() < 0.5 && interest !== undefined) {
        const watcher = watcherOf(interest);
        watchers.add(watcher);
        groups.add(watcher);
      } else if (leaving !== undefined) {
        watchers.delete(leaving);
        groups.delete(leaving);
        groups.delete(leaving);
      }
      const changed = keys.filter(() => random.next() < 0.2);
      const entry = new LogEntry(
        turn + 1,
        changed.map((key) => ({ type: 'delete', kv: tombstone(key, turn + 1) })),
      );
      const told: Watcher[] = [];
      groups.forEach(entry, ({ interest: asked, watchers: group }) => {
        if (entry.batchFor(asked) !== undefined) told.push(...group);
      });
      const expected = [...watchers].filter(({ interest: asked }) => changed.some((key) => covers(asked, key)));
      expect(told).to.have.length(expected.length);
      expect(expected.every((watcher) => told.includes(watcher))).to.equal(true);
      const all = [...groups.watchers()];
      expect([all.length, all.every((watcher) => watchers.has(watcher))]).to.deep.equal([watchers.size, true]);
    }
  });
});

function watcherOf(interest: Interest): Watcher {
  return new Watcher({
    ...{ interest, progress: false, from: 1, behind: false, bufferBytesMax: 1 },
    home: { catchUp: () => undefined, turn: async () => {}, leave() {} },
  });
}
