import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ManualClock } from '../base/index.ts';
import { ensurePeers } from './peers.ts';
import { certificateBlocks } from './usable.ts';

const members = [
  { name: 'm1', hosts: ['127.0.0.1', 'one.example'] },
  { name: 'm2', hosts: [] },
];
const dayMs = 86_400_000;

describe('peer certificates', () => {
  let directory: string;
  let clock: ManualClock;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'runink-peers-'));
    clock = new ManualClock();
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const read = (file: string): Promise<string> => readFile(join(directory, file), 'utf8');
  const certificate = async (file: string): Promise<X509Certificate> => new X509Certificate(await read(file));

  it('name the member, serve both ends and are signed by their own authority', async () => {
    await ensurePeers(directory, [...members, { name: 'm3.node.example', hosts: [] }], clock);
    expect((await certificate('m3.node.example.crt')).checkHost('m3.node.example')).to.equal('m3.node.example');
    const one = await certificate('m1.crt');
    const authority = await certificate('ca.crt');
    expect(one.verify(authority.publicKey)).to.equal(true);
    expect(one.checkHost('m1')).to.equal('m1');
    expect(one.checkIP('127.0.0.1')).to.equal('127.0.0.1');
    expect(one.keyUsage).to.deep.equal(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect([one.ca, authority.ca]).to.deep.equal([false, true]);
    expect(authority.subject).to.equal('CN=runink-peer-ca');
  });

  it('are readable by their owner only', async () => {
    await ensurePeers(directory, members, clock);
    const files = await readdir(directory);
    expect(files.sort()).to.deep.equal(['ca.crt', 'ca.key', 'm1.crt', 'm1.key', 'm2.crt', 'm2.key']);
    for (const file of files) expect((await stat(join(directory, file))).mode & 0o777, file).to.equal(0o600);
  });

  it('stay as they are when made again', async () => {
    const first = await ensurePeers(directory, members, clock);
    expect(await ensurePeers(directory, members, clock)).to.deep.equal(first);
  });

  it('are renewed for the same key near their end, under the same authority', async () => {
    await ensurePeers(directory, members, clock);
    const [key, old, authority] = [await read('m1.key'), await read('m1.crt'), await read('ca.crt')];
    clock.advance(340 * dayMs);
    await ensurePeers(directory, members, clock);
    expect(await read('m1.crt')).not.to.equal(old);
    expect([await read('m1.key'), await read('ca.crt')]).to.deep.equal([key, authority]);
  });

  it('are signed by the authority that stands first, while another is trusted beside it', async () => {
    await ensurePeers(directory, [], clock);
    const [old, oldKey] = [await read('ca.crt'), await read('ca.key')];
    await rm(join(directory, 'ca.crt'));
    await rm(join(directory, 'ca.key'));
    await ensurePeers(directory, [], clock);
    const own = await read('ca.crt');
    await writeFile(join(directory, 'ca.crt'), `${own}\n${old}`);
    const made = await ensurePeers(directory, members, clock);
    expect(made.authority).to.equal(`${own}\n${old}`);
    expect((await certificate('m1.crt')).verify(new X509Certificate(own).publicKey)).to.equal(true);

    clock.advance(3_640 * dayMs);
    await ensurePeers(directory, [], clock);
    const [renewed = '', kept = ''] = certificateBlocks(await read('ca.crt'));
    expect(renewed).not.to.equal(certificateBlocks(own)[0]);
    expect(kept).to.equal(certificateBlocks(old)[0]);

    await writeFile(join(directory, 'ca.key'), oldKey);
    const error = await ensurePeers(directory, members, clock).catch((cause: unknown) => cause);
    expect(String(error)).to.contain('is not the one of');
    expect(certificateBlocks(await read('ca.crt'))).to.deep.equal([renewed, kept]);
  });

  it('are certified anew with a host that is added', async () => {
    await ensurePeers(directory, members, clock);
    await ensurePeers(directory, [{ name: 'm2', hosts: ['two.example'] }], clock);
    expect((await certificate('m2.crt')).checkHost('two.example')).to.equal('two.example');
  });

  for (const name of ['ca', '', '../m1', 'M1', 'a..b', '.a', 'a-', 'a'.repeat(64)])
    it(`are not made for a member named ${JSON.stringify(name)}`, async () => {
      const error = await ensurePeers(directory, [{ name, hosts: [] }], clock).then(
        () => undefined,
        (cause: unknown) => cause,
      );
      expect(String(error)).to.match(/^Error: member name ".*": must be/);
      expect(await readdir(directory)).to.deep.equal([]);
    });
});
