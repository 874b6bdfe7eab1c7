import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { seededRandom } from '../../base/index.ts';
import { CommandError } from '../failure.ts';
import { refuseOneOfSeveral, refuseSeveralOfOne, serverPorts } from './ports.ts';

describe('runictl dev: ports of several servers', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'runink-ports-'))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('are chosen once and kept', async () => {
    const ports = await serverPorts(folder, 4, seededRandom(1));
    expect(new Set(ports).size).to.equal(4);
    expect(await serverPorts(folder, 4, seededRandom(2))).to.deep.equal(ports);
  });

  it('are those of one number of servers', async () => {
    await serverPorts(folder, 4, seededRandom(1));
    const refused = await serverPorts(folder, 6, seededRandom(1)).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(CommandError);
    expect(String(refused)).to.contain('holds 4 ports, not 6');
  });

  it('keep one server alone out of a folder of several, and out of no other', async () => {
    refuseOneOfSeveral(folder);
    await serverPorts(folder, 2, seededRandom(1));
    expect(() => refuseOneOfSeveral(folder)).to.throw(CommandError, 'several of them ran there');
  });

  it('keep a group out of the folder of one server alone, and out of no other', async () => {
    refuseSeveralOfOne(folder);
    await mkdir(join(folder, 'apiserver', 'barn'), { recursive: true });
    expect(() => refuseSeveralOfOne(folder)).to.throw(CommandError, 'one ran there alone');
    await serverPorts(folder, 2, seededRandom(1));
    refuseSeveralOfOne(folder);
  });
});
