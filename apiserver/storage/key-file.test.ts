import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { BarnError } from '../../barn/index.ts';
import { readStoreKeys } from './key-file.ts';
import { namesOf } from './key-follower.ts';

describe('apiserver: the key file of a store', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runink-keys-'));
    path = join(folder, 'keys.json');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const key = Buffer.alloc(32, 7).toString('base64');
  const write = (text: string): Promise<void> => writeFile(path, text, { mode: 0o600 });

  for (const [title, keys, names] of [
    [
      'keys in order, the current one first',
      [
        { id: 'b', key },
        { id: 'a', key },
      ],
      ['b', 'a'],
    ],
    ['leave to read what is not encrypted', [{ id: 'a', key }, { plain: true }], ['a', 'plain']],
    ['the end of encryption', [{ plain: true }, { id: 'a', key }], ['plain', 'a']],
  ] as const)
    it(`gives ${title}`, async () => {
      await write(JSON.stringify({ keys }));
      expect(namesOf(await readStoreKeys(path))).to.deep.equal(names);
    });

  for (const [title, text, said] of [
    ['that is not there', undefined, 'is not there'],
    ['that is no JSON', `{"keys": ${key}`, 'is not JSON'],
    ['without a key', '{"keys": []}', 'there is no encryption key'],
    ['with a short key', '{"keys": [{"id": "a", "key": "AAAA"}]}', 'the key "a" is not 32 bytes in base64'],
    ['with a key that is not quite base64', `{"keys": [{"id": "a", "key": "${key}!"}]}`, 'the key "a" is not 32 bytes'],
    ['with a key without a name', `{"keys": [{"key": "${key}"}]}`, 'every key needs an id'],
    [
      'with a name twice',
      `{"keys": [{"id": "a", "key": "${key}"}, {"id": "a", "key": "${key}"}]}`,
      'two encryption keys',
    ],
    ['with a key named plain', `{"keys": [{"id": "plain", "key": "${key}"}]}`, 'not plain'],
    ['that says plain in another way', '{"keys": [{"plain": "yes"}]}', '{"plain": true} and nothing more'],
    ['that says plain of a key', `{"keys": [{"plain": true, "id": "a", "key": "${key}"}]}`, 'and nothing more'],
  ] as const)
    it(`refuses one ${title}, names it and shows nothing of it`, async () => {
      if (text !== undefined) await write(text);
      const error: unknown = await readStoreKeys(path).catch((cause: unknown) => cause);
      expect(error).to.be.instanceOf(BarnError);
      expect(String(error)).to.contain(path).and.to.contain(said).and.not.to.contain(key);
    });

  for (const mode of [0o640, 0o604, 0o620, 0o602])
    it(`refuses one of mode ${mode.toString(8)}, which others may read or change`, async () => {
      await write(JSON.stringify({ keys: [{ id: 'a', key }] }));
      await chmod(path, mode);
      const error = String(await readStoreKeys(path).catch((cause: unknown) => cause));
      expect(error)
        .to.contain(`mode 0${mode.toString(8)}`)
        .and.to.contain('chmod 600')
        .and.not.to.contain(key);
    });
});
