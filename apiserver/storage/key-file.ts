// The key-encryption keys of all servers of a store, in a file that only its owner may read: the first is used for new writes.
import { randomBytes } from 'node:crypto';
import { createPrivate, readIfThere } from '../../pki/index.ts';
import { arrayOf, isRecord, textOf } from '../json.ts';
import type { EncryptionKey, KeyProvider } from './vault.ts';

const keyBytes = 32;

/** Loads the keys in `path`, or makes a first one. Errors: a message that names the file. */
export async function ensureKeyFile(path: string): Promise<KeyProvider> {
  return keyProvider(parseKeys((await readIfThere(path)) ?? (await createPrivate(path, newKeys())), path));
}

function newKeys(): string {
  const key = { id: randomBytes(4).toString('hex'), key: randomBytes(keyBytes).toString('base64') };
  return `${JSON.stringify({ keys: [key] }, undefined, 2)}\n`;
}

/** The keys that encrypt a store's files, in the same form; none is ever made. Errors: a message that names the file. */
export async function readStoreKeys(path: string): Promise<[EncryptionKey, ...EncryptionKey[]]> {
  const text = await readIfThere(path);
  if (text === undefined)
    throw new Error(`--encryption-key-file ${path} is not there: write {"keys": [{"id", "key"}]}`);
  return parseKeys(text, path);
}

/** A provider over keys at hand; the first is the current one. */
export function keyProvider(keys: readonly [EncryptionKey, ...EncryptionKey[]]): KeyProvider {
  const byId = new Map(keys.map((key) => [key.id, key]));
  return { current: () => keys[0], byId: (id) => byId.get(id) };
}

function parseKeys(text: string, path: string): [EncryptionKey, ...EncryptionKey[]] {
  const parsed = parseJson(text, path);
  const keys = arrayOf(isRecord(parsed) ? parsed.keys : undefined).map((row): EncryptionKey => {
    const id = isRecord(row) ? textOf(row.id) : undefined;
    const key = Buffer.from((isRecord(row) ? textOf(row.key) : undefined) ?? '', 'base64');
    if (id === undefined || key.length !== keyBytes)
      throw new Error(`${path}: every key needs an id and 32 bytes in base64`);
    return { id, key };
  });
  const [first, ...others] = keys;
  if (first === undefined) throw new Error(`${path} holds no key`);
  return [first, ...others];
}

// What is wrong is not quoted: it may be a key.
function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${path} is not JSON: it must be {"keys": [{"id", "key"}]}`);
  }
}
