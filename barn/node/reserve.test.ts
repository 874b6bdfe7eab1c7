import { expect } from 'chai';
import { reserveBytes, reserveOf } from './reserve.ts';

const MiB = 1024 * 1024;
const product = { segmentBytes: 64 * MiB, lagBytesMax: 64 * MiB };

describe('the reserve of a disk', () => {
  for (const [title, parts, mebibytes] of [
    ['of a member that is alone and new', { diskBytes: 0, snapshotBytes: 0, isAlone: true }, 128 + 80],
    [
      'grows with what LevelDB may write anew',
      { diskBytes: 10 * MiB, snapshotBytes: MiB, isAlone: true },
      128 + 80 + 10,
    ],
    ['up to a bound', { diskBytes: 900 * MiB, snapshotBytes: MiB, isAlone: true }, 128 + 80 + 64],
    [
      'holds a second state in a group',
      { diskBytes: 900 * MiB, snapshotBytes: 700 * MiB, isAlone: false },
      128 + 80 + 64 + 700,
    ],
  ] as const)
    it(`${title} is ${mebibytes} MiB`, () => {
      expect(reserveBytes(reserveOf({ ...product, ...parts }))).to.equal(mebibytes * MiB);
    });
});
