// Who servers, admin, controllers and nodes are. Made when missing, kept over restarts, renewed when near the end. Everything
// is readable by the owner only. Several servers share what makes them one (the authority, clients' certificates); each has a
// certificate of its own. They may start at once in one folder: a key, once made, stays, and certificates follow from it.
import { mkdir } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Clock } from '../../base/index.ts';
import {
  type CertificateRequest,
  type Credentials,
  ensureAuthority,
  ensureCredentials,
  writePrivate,
} from '../../pki/index.ts';

/** The certificates of one server. */
export interface Identities {
  readonly authority: Credentials;
  readonly server: Credentials;
  /** By the name of the kubeconfig file, e.g. `admin` or `nodes/n1`. */
  readonly clients: ReadonlyMap<string, Credentials>;
}

/** Where certificates lie and for whom they are. */
export interface IdentityOptions {
  /** The authority and clients' certificates: all servers', shared or copied. */
  readonly shared: string;
  /** The server's own certificate. */
  readonly own: string;
  readonly nodes: readonly string[];
  /** Names and addresses of this server besides localhost. */
  readonly hosts: readonly string[];
}

const localNames = ['localhost', 'runink-apiserver'];
const localAddresses = ['127.0.0.1', '::1'];

/** Makes or loads the authority, the server's certificate and those of admin, controllers and nodes. */
export async function ensureIdentities(options: IdentityOptions, clock: Clock): Promise<Identities> {
  const { shared, own, nodes, hosts } = options;
  await mkdir(join(shared, 'nodes'), { recursive: true, mode: 0o700 });
  await mkdir(own, { recursive: true, mode: 0o700 });
  const authority = await ensureAuthority(join(shared, 'ca'), 'runink-ca', clock);
  const names = [...new Set([...localNames, ...hosts.filter((host) => isIP(host) === 0)])];
  const addresses = [...new Set([...localAddresses, ...hosts.filter((host) => isIP(host) !== 0)])];
  const server = await ensureCredentials(join(own, 'apiserver'), authority, clock, {
    commonName: 'runink-apiserver',
    usage: 'server',
    dnsNames: names,
    ipAddresses: addresses,
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
  for (const [name, request] of requests)
    clients.set(name, await ensureCredentials(join(shared, name), authority, clock, request));
  return { authority, server, clients };
}

/** Writes `NAME.kubeconfig` below `data` for every client; the first of `urls` is the one that kubectl uses. */
export async function writeKubeconfigs(data: string, identities: Identities, urls: readonly string[]): Promise<void> {
  await mkdir(join(data, 'nodes'), { recursive: true, mode: 0o700 });
  for (const [name, credentials] of identities.clients) {
    await writePrivate(
      join(data, `${name}.kubeconfig`),
      kubeconfig(urls, identities.authority.certificate, credentials),
    );
  }
}

/** A kubeconfig with everything in it, so that it can be copied anywhere. */
export function kubeconfig(urls: readonly string[], authority: string, credentials: Credentials): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const cluster = {
    server: urls[0],
    'certificate-authority-data': base64(authority),
    // kubectl asks `server` alone; our own clients turn to the others when that one does not answer.
    ...(urls.length > 1 ? { extensions: [{ name: 'runink.io/servers', extension: { servers: urls } }] } : {}),
  };
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'runink', cluster }],
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
    { lineWidth: 0, aliasDuplicateObjects: false },
  );
}
