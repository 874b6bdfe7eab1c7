// The key-encryption keys of all servers of a store, in a file that only its owner may read: the first is used for new writes.
import { randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { BarnError, checkKeys, plain, type StoreKeys } from '../../barn/index.ts';
import { createPrivate, readIfThere } from '../../pki/index.ts';
import { arrayOf, isRecord, textOf } from '../json.ts';
import type { EncryptionKey, KeyProvider } from './vault.ts';

const keyBytes = 32;

/** Loads the keys in `path`, or makes a first one. Errors: a message that names the file. */
export async function ensureKeyFile(path: string): Promise<KeyProvider> {
  const text = (await readIfThere(path)) ?? (await createPrivate(path, newKeys()));
  return keyProvider(parseKeys(text, path));
}

function newKeys(): string {
  const key = { id: randomBytes(4).toString('hex'), key: randomBytes(keyBytes).toString('base64') };
  return `${JSON.stringify({ keys: [key] }, undefined, 2)}\n`;
}

/**
 * The keys that encrypt a store's files, in the same form and order; none is ever made. An entry {"plain": true} among them
 * stands for no encryption: first, to leave it; behind keys, to come from it. Errors: a message that names the file.
 */
export async function readStoreKeys(path: string): Promise<StoreKeys> {
  try {
    const keys = parseEntries(await readOwnersFile(path)).map(parseStoreKey);
    checkKeys(keys);
    return keys;
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new BarnError('Storage', `--encryption-key-file ${path}: ${words}`, { cause });
  }
}

function parseStoreKey(entry: unknown): StoreKeys[number] {
  if (!isRecord(entry) || entry.plain === undefined) return parseKey(entry);
  if (entry.plain === true && Object.keys(entry).length === 1) return plain;
  throw new Error('an entry without a key is {"plain": true} and nothing more');
}

/** The text of a file that nobody but its owner can read. */
async function readOwnersFile(path: string): Promise<string> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    throw isMissing ? new Error(`it is not there: write ${form}`, { cause }) : cause;
  }
  try {
    const { mode } = await file.stat();
    if ((mode & 0o077) !== 0)
      throw new Error(
        `others may read or change it (mode ${(mode & 0o777).toString(8).padStart(4, '0')}): chmod 600 it, and take a new key if somebody did`,
      );
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** A provider over keys at hand; the first is the current one. */
export function keyProvider(keys: readonly [EncryptionKey, ...EncryptionKey[]]): KeyProvider {
  const byId = new Map(keys.map((key) => [key.id, key]));
  return { current: () => keys[0], byId: (id) => byId.get(id) };
}

function parseKeys(text: string, path: string): [EncryptionKey, ...EncryptionKey[]] {
  try {
    const [first, ...others] = parseEntries(text).map(parseKey);
    if (first === undefined) throw new Error('it holds no key');
    return [first, ...others];
  } catch (cause) {
    throw new Error(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function parseKey(entry: unknown): EncryptionKey {
  const id = isRecord(entry) ? textOf(entry.id) : undefined;
  const text = (isRecord(entry) ? textOf(entry.key) : undefined) ?? '';
  const key = Buffer.from(text, 'base64');
  if (id === undefined) throw new Error('every key needs an id and 32 bytes in base64');
  if (key.length !== keyBytes || key.toString('base64') !== text)
    throw new Error(`the key ${JSON.stringify(id)} is not 32 bytes in base64`);
  return { id, key };
}

const form = '{"keys": [{"id": "2026-11", "key": "32 bytes in base64"}]}';

// What is wrong is not quoted: it may be a key.
function parseEntries(text: string): readonly unknown[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Error(`it is not JSON: it must be ${form}`);
  }
  return arrayOf(isRecord(parsed) ? parsed.keys : undefined);
}
