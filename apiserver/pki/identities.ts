// What a server keeps in DATA/pki and writes for its clients. Made when missing, kept over restarts, renewed when near
// its end. Everything is readable by the owner only.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Clock } from '../../base/index.ts';
import { type CertificateRequest, type Credentials, createAuthority, isGood, issue } from './authority.ts';

/** The certificates of one data folder. */
export interface Identities {
  readonly authority: Credentials;
  readonly server: Credentials;
  /** By the name of the kubeconfig file, e.g. `admin` or `nodes/n1`. */
  readonly clients: ReadonlyMap<string, Credentials>;
}

/** Makes or loads the authority, the server's certificate and those of admin, controllers and `nodes` below `data`. */
export async function ensureIdentities(data: string, nodes: readonly string[], clock: Clock): Promise<Identities> {
  await mkdir(join(data, 'pki', 'nodes'), { recursive: true, mode: 0o700 });
  const authority = await ensureAuthority(data, clock);
  const server = await ensure(data, 'apiserver', authority, clock, {
    commonName: 'runink-apiserver',
    usage: 'server',
    dnsNames: ['localhost', 'runink-apiserver'],
    ipAddresses: ['127.0.0.1', '::1'],
  });
  const requests: [string, CertificateRequest][] = [
    ['admin', { commonName: 'admin', organizations: ['system:masters'], usage: 'client' }],
    ['controllers', { commonName: 'runink-controllers', organizations: ['runink:controllers'], usage: 'client' }],
    ...nodes.map((name): [string, CertificateRequest] => [
      `nodes/${name}`,
      { commonName: `system:node:${name}`, organizations: ['system:nodes'], usage: 'client' },
    ]),
  ];
  const clients = new Map<string, Credentials>();
  for (const [name, request] of requests) clients.set(name, await ensure(data, name, authority, clock, request));
  return { authority, server, clients };
}

/** Writes `NAME.kubeconfig` below `data` for every client. */
export async function writeKubeconfigs(data: string, identities: Identities, url: string): Promise<void> {
  await mkdir(join(data, 'nodes'), { recursive: true, mode: 0o700 });
  for (const [name, credentials] of identities.clients) {
    await writePrivate(
      join(data, `${name}.kubeconfig`),
      kubeconfig(url, identities.authority.certificate, credentials),
    );
  }
}

/** A kubeconfig with everything in it, so that it can be copied anywhere. */
export function kubeconfig(url: string, authority: string, credentials: Credentials): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'runink', cluster: { server: url, 'certificate-authority-data': base64(authority) } }],
      users: [
        {
          name: 'runink',
          user: {
            'client-certificate-data': base64(credentials.certificate),
            'client-key-data': base64(credentials.key),
          },
        },
      ],
      contexts: [{ name: 'runink', context: { cluster: 'runink', user: 'runink', namespace: 'default' } }],
      'current-context': 'runink',
    },
    { lineWidth: 0 },
  );
}

/** Writes a file that only its owner may read, whole or not at all. */
export async function writePrivate(path: string, text: string): Promise<void> {
  const scratch = `${path}.new`;
  await writeFile(scratch, text, { mode: 0o600 });
  await rename(scratch, path);
}

/** The text of a file, or undefined when there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw cause;
  }
}

async function ensureAuthority(data: string, clock: Clock): Promise<Credentials> {
  const kept = await load(data, 'ca');
  if (kept !== undefined && (await isGood(kept, kept, clock))) return kept;
  const made = await createAuthority('runink-ca', clock);
  await save(data, 'ca', made);
  return made;
}

async function ensure(
  data: string,
  name: string,
  authority: Credentials,
  clock: Clock,
  request: CertificateRequest,
): Promise<Credentials> {
  const kept = await load(data, name);
  if (kept !== undefined && (await isGood(kept, authority, clock))) return kept;
  const made = await issue(authority, request, clock);
  await save(data, name, made);
  return made;
}

async function load(data: string, name: string): Promise<Credentials | undefined> {
  const certificate = await readIfThere(join(data, 'pki', `${name}.crt`));
  const key = await readIfThere(join(data, 'pki', `${name}.key`));
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

// The key first: a certificate without its key would be found and fail, a key without a certificate is made anew.
async function save(data: string, name: string, credentials: Credentials): Promise<void> {
  await writePrivate(join(data, 'pki', `${name}.key`), credentials.key);
  await writePrivate(join(data, 'pki', `${name}.crt`), credentials.certificate);
}
