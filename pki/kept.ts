// Certificates and keys in files, readable by their owner only. They may be made at once in one folder by several processes:
// a key, once made, stays, and certificates follow from it.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Clock } from '../base/index.ts';
import {
  type CertificateRequest,
  type Credentials,
  certify,
  certifyAuthority,
  createKey,
  isGood,
} from './authority.ts';
import { createPrivate, readIfThere, writePrivate } from './private-files.ts';
import { certificateBlocks } from './usable.ts';

/**
 * The authority kept at `path`.crt and `path`.key: made when missing, renewed for the same key when near its end, so that
 * what it signed stays good. Others that are trusted beside it may follow it in the file, and stay. Several processes may call
 * it at once. Throws when the certificate is there without its key, or is not the key's.
 */
export async function ensureAuthority(path: string, commonName: string, clock: Clock): Promise<Credentials> {
  const kept = await readIfThere(`${path}.crt`);
  // A new authority would part this server from the others and from every client.
  if (kept !== undefined && (await readIfThere(`${path}.key`)) === undefined)
    throw new Error(
      `${path}.crt is there but its key ${path}.key is not: copy it from where the certificate came from`,
    );
  const key = await ensureKey(path);
  if (kept !== undefined && isGood({ certificate: kept, key }, { certificate: kept, key }, clock))
    return { certificate: kept, key };
  // It would take the place of an authority that others trust.
  if (kept !== undefined && isOfAnotherKey(kept, key))
    throw new Error(
      `the first certificate in ${path}.crt is not the one of ${path}.key: put it first, or bring back the key`,
    );
  const [, ...others] = certificateBlocks(kept ?? '');
  const made = [await certifyAuthority(commonName, key, clock), ...others].join('\n');
  if (kept !== undefined) await writePrivate(`${path}.crt`, made);
  return { certificate: kept === undefined ? await createPrivate(`${path}.crt`, made) : made, key };
}

/**
 * The credentials kept at `path`.crt and `path`.key: made when missing, and certified anew for the same key when near their
 * end, of another authority, or without a host that is asked for. Several processes may call it at once.
 */
export async function ensureCredentials(
  path: string,
  authority: Credentials,
  clock: Clock,
  request: CertificateRequest,
): Promise<Credentials> {
  const key = await ensureKey(path);
  const kept = await readIfThere(`${path}.crt`);
  const hosts = [...(request.dnsNames ?? []), ...(request.ipAddresses ?? [])];
  if (kept !== undefined && isGood({ certificate: kept, key }, authority, clock, hosts))
    return { certificate: kept, key };
  const certificate = await certify(authority, request, key, clock);
  await writePrivate(`${path}.crt`, certificate);
  return { certificate, key };
}

function isOfAnotherKey(certificate: string, key: string): boolean {
  try {
    return !new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    // What cannot be read is made anew, like what is old.
    return false;
  }
}

async function ensureKey(path: string): Promise<string> {
  return (await readIfThere(`${path}.key`)) ?? createPrivate(`${path}.key`, await createKey());
}
