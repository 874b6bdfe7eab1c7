// Certificates and keys in files, readable by their owner only. They may be made at once in one folder by several processes:
// a key, once made, stays, and certificates follow from it.
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

/**
 * The authority kept at `path`.crt and `path`.key: made when missing, renewed for the same key when near its end, so that
 * what it signed stays good. Several processes may call it at once. Throws when the certificate is there without its key.
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
  const made = await certifyAuthority(commonName, key, clock);
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

async function ensureKey(path: string): Promise<string> {
  return (await readIfThere(`${path}.key`)) ?? createPrivate(`${path}.key`, await createKey());
}
