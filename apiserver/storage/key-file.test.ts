import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { readStoreKeys } from './key-file.ts';

describe('apiserver: the key file of a store', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'runink-keys-'))));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const key = Buffer.alloc(32, 7).toString('base64');

  it('gives its keys in order, the current one first', async () => {
    const path = join(folder, 'keys.json');
    await writeFile(path, JSON.stringify({ keys: ['b', 'a'].map((id) => ({ id, key })) }));
    expect((await readStoreKeys(path)).map(({ id }) => id)).to.deep.equal(['b', 'a']);
  });

  for (const [title, text, said] of [
    ['that is not there', undefined, 'is not there'],
    ['that is no JSON', `{"keys": ${key}`, 'is not JSON'],
    ['without a key', '{"keys": []}', 'holds no key'],
    ['with a short key', '{"keys": [{"id": "a", "key": "AAAA"}]}', '32 bytes in base64'],
  ] as const)
    it(`refuses one ${title}, names it and shows nothing of it`, async () => {
      const path = join(folder, 'keys.json');
      if (text !== undefined) await writeFile(path, text);
      const error = String(await readStoreKeys(path).catch((cause: unknown) => cause));
      expect(error).to.contain(path).and.to.contain(said).and.not.to.contain(key);
    });
});
