import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Log, silentLog } from '../base/index.ts';
import { Endings, endingsMax } from './endings.ts';

describe('runi-agent: endings', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'endings-'));
    path = join(folder, 'endings.ndjson');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const done = new Map([['s', { phase: 'Succeeded', exitCode: 0 } as const]]);
  const lines = async (): Promise<number> => (await readFile(path, 'utf8')).split('\n').length - 1;

  it('are there again in the next life, without a line that a crash cut', async () => {
    const endings = await Endings.open(path, silentLog);
    await endings.put('r/a/1', done);
    await endings.put('r/b/1', done);
    await appendFile(path, '{"attempt":"r/c/1","st');
    const again = await Endings.open(path, silentLog);
    expect(again.attempts).to.deep.equal(['r/a/1', 'r/b/1']);
    expect([...(again.get('r/b/1') ?? [])]).to.deep.equal([...done]);
    expect(again.get('r/c/1')).to.equal(undefined);
    await again.put('r/d/1', done);
    expect((await Endings.open(path, silentLog)).attempts).to.deep.equal(['r/a/1', 'r/b/1', 'r/d/1']);
  });

  it('are the newest, and the file does not grow for ever', async () => {
    const endings = await Endings.open(path, silentLog);
    const count = 2 * endingsMax + 1;
    await Promise.all(Array.from({ length: count }, (_, at) => endings.put(`r/g/${at}`, done)));
    expect([endings.attempts.length, endings.attempts.at(-1)]).to.deep.equal([endingsMax, `r/g/${count - 1}`]);
    expect(await lines()).to.equal(endingsMax);
    expect((await Endings.open(path, silentLog)).attempts).to.deep.equal(endings.attempts);
  });

  it('hold up nobody when the disk refuses', async () => {
    const warnings: string[] = [];
    const log: Log = { ...silentLog, warn: (message) => void warnings.push(message) };
    const endings = await Endings.open(join(folder, 'nowhere', 'endings'), log);
    await endings.put('r/a/1', done);
    expect([endings.attempts, warnings]).to.deep.equal([['r/a/1'], ['what a group came to was not kept']]);
  });
});
