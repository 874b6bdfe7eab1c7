// Secrets are encrypted before they reach the Barn: each write has a data key of its own (AES-256-GCM), wrapped by a
// key-encryption key that lies outside the Barn. What is sealed is bound to its object: it cannot be moved to another.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Unstructured } from '../../apis/index.ts';
import { isRecord, recordOf, textOf } from '../json.ts';

/** A key-encryption key. */
export interface EncryptionKey {
  readonly id: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** Where key-encryption keys come from. */
export interface KeyProvider {
  /** The key that new writes use. */
  current(): EncryptionKey;
  byId(id: string): EncryptionKey | undefined;
}

/** What was stored cannot be opened: a missing key, or it was changed. */
export class VaultError extends Error {
  override readonly name = 'VaultError';
}

const dataVersion = 1;
const cipher = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/** Seals and opens the confidential fields of objects: `data`, and annotations, since kubectl's apply copies data there. */
export class Vault {
  readonly #keys: KeyProvider;

  constructor(keys: KeyProvider) {
    this.#keys = keys;
  }

  /** The object as it is stored. */
  seal(object: Unstructured, herdUid: string): Unstructured {
    const { data, ...open } = object;
    const { annotations, ...metadata } = object.metadata;
    const { id, key } = this.#keys.current();
    const bound = boundTo(object, herdUid, id);
    const dataKey = randomBytes(32);
    const plain = Buffer.from(JSON.stringify({ data, annotations }));
    const sealed = {
      version: dataVersion,
      keyId: id,
      key: encrypt(key, dataKey, bound).toString('base64'),
      data: encrypt(dataKey, plain, bound).toString('base64'),
    };
    plain.fill(0);
    dataKey.fill(0);
    return { ...open, metadata, sealed };
  }

  /** The object as it was before `seal`. Errors: VaultError. */
  open(stored: Unstructured, herdUid: string): Unstructured {
    const { sealed, ...open } = stored;
    const parts = recordOf(sealed);
    const id = textOf(parts.keyId) ?? '';
    const what = `secret ${stored.metadata.namespace ?? ''}/${stored.metadata.name ?? ''}`;
    const key = this.#keys.byId(id);
    if (key === undefined) throw new VaultError(`open ${what}: there is no key-encryption key "${id}"`);
    try {
      const bound = boundTo(stored, herdUid, id);
      const dataKey = decrypt(key.key, Buffer.from(textOf(parts.key) ?? '', 'base64'), bound);
      const plain: unknown = JSON.parse(
        decrypt(dataKey, Buffer.from(textOf(parts.data) ?? '', 'base64'), bound).toString(),
      );
      const { data, annotations } = recordOf(plain);
      return {
        ...open,
        metadata: { ...stored.metadata, ...(isRecord(annotations) ? { annotations: textsOf(annotations) } : {}) },
        ...(data === undefined ? {} : { data }),
      };
    } catch (cause) {
      throw new VaultError(`open ${what}: it was not sealed for this object or was changed`, { cause });
    }
  }
}

function boundTo(object: Unstructured, herdUid: string, keyId: string): Buffer {
  const { name, uid } = object.metadata;
  return Buffer.from(JSON.stringify([object.kind, herdUid, name, uid, keyId, dataVersion]));
}

function encrypt(key: Uint8Array, plain: Uint8Array, bound: Uint8Array): Buffer {
  const nonce = randomBytes(nonceBytes);
  const sealing = createCipheriv(cipher, key, nonce, { authTagLength: tagBytes });
  sealing.setAAD(bound);
  const text = Buffer.concat([sealing.update(plain), sealing.final()]);
  return Buffer.concat([nonce, sealing.getAuthTag(), text]);
}

function decrypt(key: Uint8Array, sealed: Buffer, bound: Uint8Array): Buffer {
  const opening = createDecipheriv(cipher, key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
  opening.setAAD(bound);
  opening.setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
  return Buffer.concat([opening.update(sealed.subarray(nonceBytes + tagBytes)), opening.final()]);
}

function textsOf(value: Record<string, unknown>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [key, text] of Object.entries(value)) if (typeof text === 'string') result[key] = text;
  return result;
}
