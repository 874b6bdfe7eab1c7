import { BarnError } from './barn.ts';

/** A key of 32 bytes by the name under which it was used. The name stands in the open beside what was sealed. */
export interface StoreKey {
  /** 1 to 64 printable ASCII characters, and not `plain`; it names these 32 bytes for ever. */
  readonly id: string;
  readonly key: Uint8Array;
}

/** What stands for no key: bytes in the open. */
export const plain = 'plain';

/**
 * What a store's files are sealed with: the first is for what is written from now on, all of them are for reading. `plain`
 * first writes in the open, elsewhere it also reads what is: the way out of encryption, and the way in.
 */
export type StoreKeys = readonly (StoreKey | typeof plain)[];

const idLengthMax = 64;
const keyBytes = 32;

/**
 * The keys of a member, which may be changed while it runs. A key must stay until nothing on disk is sealed with it; without
 * `plain` what is not sealed is refused, since whoever can write to the disk could put open bytes in the place of sealed ones.
 */
export class KeyRing {
  #keys: StoreKeys = [plain];

  /** Errors: as `change`. */
  constructor(keys: StoreKeys) {
    this.change(keys);
  }

  /** From now on these. Errors: Storage when there are none, one is no key, or a name would mean two keys. */
  change(keys: StoreKeys): void {
    checkKeys(keys);
    for (const { id, key } of keys.filter((each) => each !== plain)) {
      const known = this.byId(id);
      if (known !== undefined && Buffer.compare(known.key, key) !== 0)
        throw new BarnError(
          'Storage',
          `the encryption key ${JSON.stringify(id)} is another one than before: give a new key a new name`,
        );
    }
    this.#keys = keys;
  }

  /** For what is written from now on; undefined: in the open. */
  get current(): StoreKey | undefined {
    const [first] = this.#keys;
    return first === plain ? undefined : first;
  }

  /** The name of the current key, or `plain`. */
  get currentId(): string {
    return this.current?.id ?? plain;
  }

  /** For what was written before, or undefined when it is not known (any more). */
  byId(id: string): StoreKey | undefined {
    return this.#keys.find((key): key is StoreKey => key !== plain && key.id === id);
  }

  /** Whether what is in the open is read. */
  get readsPlain(): boolean {
    return this.#keys.includes(plain);
  }

  /** Whether there is any key. */
  get hasKeys(): boolean {
    return this.#keys.some((key) => key !== plain);
  }
}

/** Refuses what are no keys (Storage): none, a wrong length or name, a name twice. */
export function checkKeys(keys: StoreKeys): void {
  const ids = keys.map(idOf);
  const twice = ids.find((id, at) => ids.indexOf(id) < at);
  if (keys.length === 0) throw new BarnError('Storage', 'there is no encryption key');
  if (twice !== undefined) throw new BarnError('Storage', `two encryption keys are named ${JSON.stringify(twice)}`);
  for (const { id, key } of keys.filter((each) => each !== plain)) {
    if (!/^[ -~]+$/.test(id) || id.length > idLengthMax || id === plain)
      throw new BarnError(
        'Storage',
        `the name of an encryption key is 1 to ${idLengthMax} printable ASCII characters, and not ${plain}`,
      );
    if (key.byteLength !== keyBytes)
      throw new BarnError(
        'Storage',
        `the encryption key ${JSON.stringify(id)} has ${key.byteLength} bytes, not ${keyBytes}`,
      );
  }
}

/** Refuses keys without one of these names, which something on disk is still sealed with (Storage). */
export function checkNeeded(keys: StoreKeys, needed: readonly string[], what: string): void {
  const ids = keys.map(idOf);
  const missing = needed.find((id) => !ids.includes(id));
  if (missing === undefined) return;
  throw new BarnError(
    'Storage',
    missing === plain
      ? `change the encryption keys: ${what} still holds what is not encrypted; keep "${plain}" in the list until runictl barn status shows it no more`
      : `change the encryption keys: ${what} still needs the key ${JSON.stringify(missing)}; keep it in the list until runictl barn status shows it no more`,
  );
}

function idOf(key: StoreKey | typeof plain): string {
  return key === plain ? plain : key.id;
}
