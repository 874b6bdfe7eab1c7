import { expect } from 'chai';
import { isDiskFull } from './disk-full.ts';

describe('isDiskFull', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  for (const [title, error, expected] of [
    ['the kernel says so', full, true],
    ['a quota is used up', Object.assign(new Error('write'), { code: 'EDQUOT' }), true],
    ['LevelDB says so', new Error('IO error: /d/000005.ldb: No space left on device'), true],
    ['it is what caused the error', new Error('open the store', { cause: full }), true],
    ['the disk failed otherwise', Object.assign(new Error('EIO: i/o error, write'), { code: 'EIO' }), false],
    ['it is no error', 'No space left on device', false],
  ] as const)
    it(`is ${String(expected)} when ${title}`, () => {
      expect(isDiskFull(error)).to.equal(expected);
    });
});
