// Encryption at rest: AES-256-GCM over whole records. How sealed bytes look:
//   magic 8 | format u8 | length of the key's name u8 | salt 16 | nonce 12 | name of the key | ciphertext | tag 16
// The key that encrypts is derived from the ring's (HKDF-SHA-256 with the salt), anew for every sealer and every 2^30
// records, since one key and random nonces of 96 bits are good for 2^32 records at most (NIST SP 800-38D, 8.3).
// Everything before the ciphertext, and where the bytes belong, is authenticated with it.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { assert } from '../base/index.ts';
import { BarnError } from './barn.ts';
import { KeyRing, plain, type StoreKey } from './keys.ts';

/** Random bytes that nobody can guess. */
export type RandomBytes = (length: number) => Uint8Array;

/** The machine's generator for keys and nonces. */
export const systemRandomBytes: RandomBytes = randomBytes;

/** Seals what goes to disk and opens what comes from there. */
export interface Sealer {
  /** What new bytes are sealed with: the name of a key, or `plain`; then `seal` is the identity and copies nothing. */
  readonly currentId: string;
  /**
   * The bytes as they may go to disk. `where` says what they are and where they belong, without machine or path: elsewhere
   * they will not open. What goes in must begin with 8 bytes of the caller's own (a checksum, a format), never a user's.
   */
  seal(bytes: Uint8Array, where: string): Uint8Array;
  /**
   * What was sealed for `where`. Errors: Storage when it is encrypted and there is no key for it, or is not encrypted and the
   * ring does not read such bytes; Corrupt when it is damaged or belongs elsewhere.
   */
  unseal(bytes: Uint8Array, where: string): Uint8Array;
}

/** How a sealer under `keys` works, whatever they are at the moment; without keys it is the identity that refuses sealed bytes. */
export function createSealer(keys: KeyRing | undefined, random: RandomBytes = systemRandomBytes): Sealer {
  return new RingSealer(keys ?? new KeyRing([plain]), random);
}

/** The name of the key that the bytes were sealed with, or `plain`. */
export function keyOf(bytes: Uint8Array): string {
  if (!isSealed(bytes) || bytes.byteLength < idAt) return plain;
  return Buffer.from(bytes.subarray(idAt, idAt + (bytes[idLengthAt] ?? 0))).toString('latin1');
}

/** Says nothing of a key, and is another one for another key: to know a wrong key under the right name. */
export function checkOf({ key }: StoreKey): string {
  return Buffer.from(hkdfSync('sha256', key, '', 'runink barn key check 1', checkBytes)).toString('hex');
}

/** Whether the bytes were sealed, by their first eight. */
export function isSealed(bytes: Uint8Array): boolean {
  return bytes.byteLength >= magic.length && magic.equals(bytes.subarray(0, magic.length));
}

const magic = Buffer.from('e5b7c2ea9f0d5ea1', 'hex');
const sealFormat = 1;
const idLengthAt = 9;
const saltAt = 10;
const nonceAt = 26;
const idAt = 38;
const tagBytes = 16;
const keyBytes = 32;
const checkBytes = 8;
const sealsPerSaltMax = 2 ** 30;
/** Derived keys kept for reading; at the bound the oldest is forgotten and derived again when it is needed. */
const derivedKeysMax = 256;

/** What seals at present. */
interface Sealing {
  readonly source: StoreKey;
  readonly salt: Uint8Array;
  readonly derived: Uint8Array;
  uses: number;
}

class RingSealer implements Sealer {
  readonly #keys: KeyRing;
  readonly #random: RandomBytes;
  readonly #derived = new Map<string, Uint8Array>();
  #sealing: Sealing | undefined;

  constructor(keys: KeyRing, random: RandomBytes) {
    this.#keys = keys;
    this.#random = random;
  }

  get currentId(): string {
    return this.#keys.currentId;
  }

  seal(bytes: Uint8Array, where: string): Uint8Array {
    const { current } = this.#keys;
    if (current === undefined) {
      assert(!isSealed(bytes), `bytes for ${where} begin like sealed ones`);
      return bytes;
    }
    const { source, salt, derived } = this.#use(current);
    const header = Buffer.allocUnsafe(idAt + source.id.length);
    magic.copy(header);
    header[8] = sealFormat;
    header[idLengthAt] = source.id.length;
    header.set(salt, saltAt);
    header.set(this.#random(idAt - nonceAt), nonceAt);
    header.write(source.id, idAt, 'latin1');
    const cipher = createCipheriv('aes-256-gcm', derived, header.subarray(nonceAt, idAt));
    cipher.setAAD(associated(header, where));
    return Buffer.concat([header, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
  }

  unseal(bytes: Uint8Array, where: string): Uint8Array {
    if (!isSealed(bytes)) {
      if (this.#keys.readsPlain) return bytes;
      throw new BarnError(
        'Storage',
        `${where} is not encrypted, and the encryption keys do not allow that: put {"plain": true} behind them in the key file until everything was sealed`,
      );
    }
    const { id, header, salt, nonce, sealed, tag } = parse(bytes, where);
    const decipher = createDecipheriv('aes-256-gcm', this.#derive(id, salt, where), nonce, { authTagLength: tagBytes });
    decipher.setAAD(associated(header, where));
    decipher.setAuthTag(tag);
    const opened = decipher.update(sealed);
    try {
      decipher.final();
    } catch (cause) {
      throw corrupt(where, `it does not open with the key ${JSON.stringify(id)}`, cause);
    }
    return opened;
  }

  /** The key for one more record: a new one when the ring's changed or this one was used enough. */
  #use(source: StoreKey): Sealing {
    let sealing = this.#sealing;
    if (sealing === undefined || !isSame(sealing.source, source) || sealing.uses >= sealsPerSaltMax) {
      const salt = this.#random(nonceAt - saltAt);
      sealing = { source, salt, derived: derive(source, salt), uses: 0 };
      this.#sealing = sealing;
    }
    sealing.uses++;
    return sealing;
  }

  #derive(id: string, salt: Buffer, where: string): Uint8Array {
    const name = `${salt.toString('latin1')}${id}`;
    const known = this.#derived.get(name);
    if (known !== undefined) return known;
    const source = this.#keys.byId(id);
    if (source === undefined) {
      throw new BarnError(
        'Storage',
        this.#keys.hasKeys
          ? `${where} is encrypted with the key ${JSON.stringify(id)}, which is not among the given ones: add it to the key file; a key may go only when runictl barn status shows it no more`
          : `${where} is encrypted with the key ${JSON.stringify(id)}, and no encryption keys were given: start with the key file`,
      );
    }
    const derived = derive(source, salt);
    for (const oldest of this.#derived.keys()) {
      if (this.#derived.size < derivedKeysMax) break;
      this.#derived.delete(oldest);
    }
    this.#derived.set(name, derived);
    return derived;
  }
}

function isSame(one: StoreKey, other: StoreKey): boolean {
  return one === other || (one.id === other.id && Buffer.compare(one.key, other.key) === 0);
}

function derive(source: StoreKey, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', source.key, salt, 'runink barn seal 1', keyBytes));
}

function associated(header: Uint8Array, where: string): Uint8Array {
  return Buffer.concat([header, Buffer.from(where)]);
}

interface SealedParts {
  readonly id: string;
  readonly header: Buffer;
  readonly salt: Buffer;
  readonly nonce: Buffer;
  readonly sealed: Buffer;
  readonly tag: Buffer;
}

function parse(bytes: Uint8Array, where: string): SealedParts {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < idAt) throw corrupt(where, `it has ${view.length} bytes`);
  const format = view.readUInt8(8);
  if (format !== sealFormat) throw corrupt(where, `it is sealed in format ${format}, not ${sealFormat}`);
  const sealedAt = idAt + view.readUInt8(idLengthAt);
  if (view.length < sealedAt + tagBytes) throw corrupt(where, `it has ${view.length} bytes`);
  return {
    id: view.toString('latin1', idAt, sealedAt),
    header: view.subarray(0, sealedAt),
    salt: view.subarray(saltAt, nonceAt),
    nonce: view.subarray(nonceAt, idAt),
    sealed: view.subarray(sealedAt, view.length - tagBytes),
    tag: view.subarray(view.length - tagBytes),
  };
}

function corrupt(where: string, why: string, cause?: unknown): BarnError {
  return new BarnError('Corrupt', `${where} is damaged: ${why}; put a copy back, or let the member begin anew`, {
    cause,
  });
}
