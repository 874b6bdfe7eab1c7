import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { silentLog } from '../../base/index.ts';
import { KeyRing } from '../keys.ts';
import type { Entry, Snapshot } from '../raft/protocol.ts';
import { nodeWalFiles } from './node-files.ts';
import { openWal, type WalOptions } from './open.ts';

const keys = new KeyRing([
  {
    id: 'one',
    key: Buffer.alloc(32, 7),
  },
]);

describe('the log in a real directory', () => {
  let directory: string;

  beforeEach(async () => {
    directory = join(await mkdtemp(join(tmpdir(), 'wal-')), 'log');
  });

  afterEach(() => rm(join(directory, '..'), { recursive: true }));

  for (const ring of [undefined, keys])
    it(`gives back what was written, ${ring === undefined ? 'open' : 'sealed'}, over many segments`, async () => {
      const options: WalOptions = optionsFor(directory, ring);
      const { wal } = await openWal(options);
      await Promise.all([1, 2, 3].map((index) => wal.append({ entries: [entry(index, 1)] })));
      for (let index = 4; index <= 60; index++)
        await wal.append({ hardState: { term: 2, vote: 1, commit: index - 1 }, entries: [entry(index, 2)] });
      await wal.append({ entries: [entry(55, 3)] });
      await wal.release(marker(20, 2));
      await wal.close();

      const { wal: again, loaded } = await openWal(options);
      await again.append({ entries: [], snapshot: marker(100, 3) });
      await again.append({ entries: [entry(101, 3)] });
      await again.close();
      expect(loaded.hardState).to.deep.equal({ term: 2, vote: 1, commit: 59 });
      expect(loaded.tornBytes).to.equal(0);
      const first = loaded.snapshot.index;
      expect(first).to.be.oneOf([0, 20]);
      expect(loaded.entries.map(({ index, term }) => [index, term]).slice(-2)).to.deep.equal([
        [54, 2],
        [55, 3],
      ]);
      expect(loaded.entries.every(({ index }, at) => index === first + 1 + at)).to.equal(true);
      expect(Buffer.from(loaded.entries.at(-1)?.data ?? []).toString()).to.match(/^canary 55 /);

      const { wal: last, loaded: anew } = await openWal(options);
      await last.close();
      expect(anew.snapshot).to.deep.equal(marker(100, 3));
      expect(anew.entries.map(({ index }) => index)).to.deep.equal([101]);
      const raw = Buffer.concat(
        await Promise.all((await readdir(directory)).map((name) => readFile(join(directory, name)))),
      );
      expect(raw.includes('canary')).to.equal(ring === undefined);
      expect((await stat(directory)).mode & 0o777).to.equal(0o700);
    });
});

function optionsFor(directory: string, ring: KeyRing | undefined): WalOptions {
  return {
    files: nodeWalFiles(directory),
    keys: ring,
    metadata: { clusterId: 0xabc, memberId: 1 },
    log: silentLog,
    limits: { segmentBytes: 4096 },
  };
}

function entry(index: number, term: number): Entry {
  return { term, index, type: 'EntryNormal', data: Buffer.from(`canary ${index} ${'x'.repeat(150)}`) };
}

function marker(index: number, term: number): Snapshot {
  const none = { learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  return { index, term, confState: { voters: [1], ...none } };
}
