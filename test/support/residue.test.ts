import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { compareResidue, takeResidue, waitForNoResidue } from './residue.ts';

const nothing = {
  processes: new Set<string>(),
  mounts: new Set<string>(),
  cgroups: new Set<string>(),
  networks: new Set<string>(),
  users: new Set<string>(),
  runFolders: new Set<string>(),
};

describe('test/support: residue', () => {
  it('names each thing that is new, and nothing that went or stayed', () => {
    const before = { ...nothing, users: new Set(['user root', 'user gone']) };
    const after = { ...nothing, users: new Set(['user root', 'user runink']), mounts: new Set(['/mnt/x (tmpfs)']) };
    expect(compareResidue(before, after)).to.deep.equal([
      'mount left behind: /mnt/x (tmpfs)',
      'account left behind: user runink',
    ]);
  });

  it('sees a process of ours while it lives, and waits for its end', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'residue-'));
    try {
      symlinkSync('/bin/sleep', join(folder, 'runi-slice'));
      const before = takeResidue();
      const child = spawn(join(folder, 'runi-slice'), ['30']);
      await once(child, 'spawn');
      const mine = (line: string): boolean => line.includes(` ${String(child.pid)} `);
      const left = compareResidue(before, takeResidue()).filter(mine);
      expect(left).to.have.length(1);
      expect(left[0]).to.match(/^process left behind: \d+ runi-slice: .*runi-slice 30$/);
      child.kill('SIGKILL');
      const still = await waitForNoResidue(before, 2_000);
      expect(still.filter(mine)).to.deep.equal([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
