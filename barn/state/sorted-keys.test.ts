import { expect } from 'chai';
import { seededRandom } from '../../base/index.ts';
import { SortedKeys } from './sorted-keys.ts';

describe('SortedKeys', () => {
  it('holds nothing at first', () => {
    expect(keysIn(new SortedKeys(), '', '\x7f')).to.deep.equal([]);
  });

  it('takes nothing away when the key is absent', () => {
    const sorted = new SortedKeys<{ readonly key: string }>();
    sorted.delete('a');
    sorted.insert({ key: 'b' });
    sorted.delete('a');
    sorted.delete('c');
    expect(keysIn(sorted, '', '\x7f')).to.deep.equal(['b']);
  });

  const seed = Number(process.env['BARN_SEED'] ?? Date.now() % 2 ** 31);

  it(`is a sorted set, growing and shrinking over many chunks (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const sorted = new SortedKeys<{ readonly key: string }>();
    const expected = new Set<string>();
    const pick = () => String(Math.floor(random.next() * 20_000)).padStart(5, '0');
    for (const insertShare of [0.9, 0.5, 0.1, 0.9, 0, 0, 0, 0, 0.9, 0]) {
      for (let turn = 0; turn < 10_000; turn++) {
        const key = pick();
        if (random.next() < insertShare) {
          if (!expected.has(key)) sorted.insert({ key });
          expected.add(key);
        } else {
          sorted.delete(key);
          expected.delete(key);
        }
      }
      const all = [...expected].sort();
      expect(keysIn(sorted, '', '\x7f')).to.deep.equal(all);
      for (let span = 0; span < 20; span++) {
        const [start, end] = [pick(), pick()];
        expect(keysIn(sorted, start, end)).to.deep.equal(all.filter((key) => key >= start && key < end));
      }
    }
  });
});

function keysIn(sorted: SortedKeys<{ readonly key: string }>, start: string, end: string): readonly string[] {
  const keys: string[] = [];
  sorted.forEach(start, end, ({ key }) => keys.push(key));
  return keys;
}
