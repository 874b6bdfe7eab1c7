import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { giveEndings, keepEndings } from './endings.ts';

describe('what agents remember', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'dev-endings-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const ids = {
    ...{ agentUid: process.getuid?.() ?? 0, exchangeUid: 1, gid: process.getgid?.() ?? 0 },
    ...{ sliceUidFirst: 2, sliceUidLast: 3 },
  };
  const agentFile = (runtime: string, node: string): string => {
    const place = join(folder, runtime, node, 'state', 'agent');
    mkdirSync(place, { recursive: true });
    return join(place, 'endings.ndjson');
  };

  it('is kept when the folder of the programs goes, and given back', () => {
    writeFileSync(agentFile('run', 'n1'), 'one\n');
    mkdirSync(join(folder, 'run', 'programs'));
    keepEndings(join(folder, 'run'), join(folder, 'data'));
    const state = join(folder, 'again', 'n1', 'state');
    giveEndings(join(folder, 'data'), 'n1', state, ids);
    const file = join(state, 'agent', 'endings.ndjson');
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).to.deep.equal(['one\n', 0o600]);
    giveEndings(join(folder, 'data'), 'n2', state, ids);
    keepEndings(join(folder, 'nowhere'), join(folder, 'data'));
  });

  it('is never read through a link', () => {
    writeFileSync(join(folder, 'secret'), 'secret');
    symlinkSync(join(folder, 'secret'), agentFile('run', 'n1'));
    keepEndings(join(folder, 'run'), join(folder, 'data'));
    expect(() => statSync(join(folder, 'data'))).to.throw('ENOENT');
  });
});
