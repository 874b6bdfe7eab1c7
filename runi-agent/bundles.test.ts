import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { BundleStore, bundlesKeptMax, filesOf } from './bundles.ts';
import { LaunchError } from './launch.ts';

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const filesBundle = (files: readonly unknown[]) =>
  ({ format: 'files', bytes: Buffer.from(JSON.stringify({ files })) }) as const;
const data = Buffer.from('text').toString('base64');

describe('runi-agent: bundles', () => {
  let top: string;
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'bundles-'));
  });
  afterEach(() => rmSync(top, { recursive: true, force: true }));

  it('unpacks a module and a folder, once for all who ask', async () => {
    const store = await BundleStore.open(top);
    const bytes = Buffer.from('export const A = 1;');
    let fetched = 0;
    const fetch = () => Promise.resolve({ format: 'module' as const, bytes: (fetched++, bytes) });
    await Promise.all([store.use(hashOf(bytes), fetch), store.use(hashOf(bytes), fetch)]);
    expect(fetched).to.equal(1);
    expect(readFileSync(join(top, hashOf(bytes), 'index.mjs'), 'utf8')).to.equal('export const A = 1;');
    const folder = filesBundle([
      { path: 'run.sh', mode: 0o755, data },
      { path: 'lib/deep/x.txt', data },
    ]);
    await store.use(hashOf(folder.bytes), () => Promise.resolve(folder));
    expect(statSync(join(top, hashOf(folder.bytes), 'run.sh')).mode & 0o777).to.equal(0o755);
    expect(statSync(join(top, hashOf(folder.bytes), 'lib/deep/x.txt')).mode & 0o777).to.equal(0o644);
  });

  it('refuses bytes of another hash, keeps nothing, and asks again', async () => {
    const store = await BundleStore.open(top);
    const good = Buffer.from('good');
    const use = (bytes: Buffer) => store.use(hashOf(good), () => Promise.resolve({ format: 'module', bytes }));
    try {
      await use(Buffer.from('bad'));
      expect.fail('not refused');
    } catch (error) {
      expect(error).to.be.instanceOf(LaunchError).and.include({ reason: 'InvalidBundle' });
    }
    await use(good);
  });

  for (const [title, files] of [
    ['a path that leaves the folder', [{ path: '../x', data }]],
    ['an absolute path', [{ path: '/x', data }]],
    ['an empty part', [{ path: 'a//x', data }]],
    ['a path that is too deep', [{ path: `${'a/'.repeat(20)}x`, data }]],
    [
      'a file twice',
      [
        { path: 'x', data },
        { path: 'x', data },
      ],
    ],
    ['a file without data', [{ path: 'x' }]],
  ] as const)
    it(`refuses ${title}`, () => {
      expect(() => filesOf('hash', filesBundle(files))).to.throw(LaunchError);
    });

  it('keeps the bundles used last, and all that are in use', async () => {
    const store = await BundleStore.open(top);
    const hashes: string[] = [];
    for (let index = 0; index < bundlesKeptMax + 2; index++) {
      const bytes = Buffer.from(`module ${index}`);
      hashes.push(hashOf(bytes));
      const release = await store.use(hashOf(bytes), () => Promise.resolve({ format: 'module', bytes }));
      if (index > 0) release();
    }
    const kept = hashes.map((hash) => existsSync(join(top, hash)));
    expect([kept[0], kept[1], kept[2], kept.at(-1)]).to.deep.equal([true, false, false, true]);
  });

  it('takes over what is whole and removes what is half unpacked', async () => {
    const bytes = Buffer.from('kept');
    await (await BundleStore.open(top)).use(hashOf(bytes), () => Promise.resolve({ format: 'module', bytes }));
    mkdirSync(join(top, '.half-x'));
    const again = await BundleStore.open(top);
    await again.use(hashOf(bytes), () => Promise.reject(new Error('asked for')));
    expect(existsSync(join(top, '.half-x'))).to.equal(false);
  });
});
