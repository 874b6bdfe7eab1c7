// Kubeconfig files (https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/): clusters, users and contexts that join
// them. Read: server, CA, client certificate, bearer token, namespace, and the addresses of all servers in the cluster's
// extension `runink.io/servers` (kubectl knows one address a cluster). Not read: exec and auth-provider plugins, proxies.
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isObject } from './json.ts';

/** Where the API is and who we are there. PEM texts, not paths. */
export interface Connection {
  readonly url: string;
  /** Further addresses of the same API, for when that one does not answer. */
  readonly otherUrls?: readonly string[];
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
  /** Name to check the server's certificate for, when it is not the URL's host. */
  readonly tlsServerName?: string;
  readonly insecureSkipTlsVerify?: boolean;
  /** The context's herd; `default` when it names none. */
  readonly namespace: string;
}

/** All addresses of a connection, the first to be asked first. */
export function urlsOf(connection: Connection): readonly string[] {
  return [connection.url, ...(connection.otherUrls ?? [])];
}

/** A kubeconfig that cannot be used; the message names the file and the field. */
export class KubeconfigError extends Error {
  override readonly name = 'KubeconfigError';
}

/** Reads a file that is named in a kubeconfig. */
export type ReadText = (path: string) => Promise<string>;

/** The connection that `context` (absent: current-context) of the file describes. Errors: KubeconfigError. */
export async function loadKubeconfig(
  path: string,
  options: { readonly context?: string; readonly readText?: ReadText } = {},
): Promise<Connection> {
  const readText = options.readText ?? ((file) => readFile(file, 'utf8'));
  const text = await readText(path).catch((cause: unknown) => {
    throw new KubeconfigError(`kubeconfig ${path} cannot be read: ${messageOf(cause)}`, { cause });
  });
  const read: ReadText = (file) =>
    readText(resolve(dirname(path), file)).catch((cause: unknown) => {
      throw new KubeconfigError(`kubeconfig ${path} names ${file}, which cannot be read: ${messageOf(cause)}`, {
        cause,
      });
    });
  return connectionOf(await parse(text, path), path, options.context, read);
}

interface Named {
  readonly name?: string;
}
interface Config {
  readonly 'current-context'?: string;
  readonly contexts?: readonly (Named & { readonly context?: Readonly<Record<string, string>> })[];
  readonly clusters?: readonly (Named & { readonly cluster?: Readonly<Record<string, unknown>> })[];
  readonly users?: readonly (Named & { readonly user?: Readonly<Record<string, string>> })[];
}

async function parse(text: string, path: string): Promise<Config> {
  let parsed: unknown;
  try {
    // The YAML parser costs a few ms to load; our own kubeconfigs may be JSON, which is YAML too.
    parsed = text.trimStart().startsWith('{') ? JSON.parse(text) : (await import('yaml')).parse(text);
  } catch (cause) {
    throw new KubeconfigError(`kubeconfig ${path} is not YAML: ${messageOf(cause)}`, { cause });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new KubeconfigError(`kubeconfig ${path} must be a mapping with clusters, users and contexts`);
  return parsed;
}

async function connectionOf(
  config: Config,
  path: string,
  wanted: string | undefined,
  read: ReadText,
): Promise<Connection> {
  const contextName = wanted ?? config['current-context'] ?? '';
  const context = named(config.contexts, contextName, 'context', path).context ?? {};
  const cluster = named(config.clusters, context['cluster'] ?? '', 'cluster', path).cluster ?? {};
  const user = named(config.users, context['user'] ?? '', 'user', path).user ?? {};
  const url = text(cluster['server']);
  if (url === undefined)
    throw new KubeconfigError(`kubeconfig ${path}: the cluster of context "${contextName}" has no server`);
  const [ca, cert, key, token] = await Promise.all([
    pem(cluster, 'certificate-authority', read),
    pem(user, 'client-certificate', read),
    pem(user, 'client-key', read),
    user['tokenFile'] !== undefined && user['token'] === undefined
      ? read(user['tokenFile']).then((content) => content.trim())
      : user['token'],
  ]);
  const tlsServerName = text(cluster['tls-server-name']);
  const urls = serversOf(cluster, url, path);
  return {
    url: withoutSlash(url),
    ...(urls.length > 0 && { otherUrls: urls }),
    namespace: context['namespace'] ?? 'default',
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(token !== undefined && { token }),
    ...(tlsServerName !== undefined && { tlsServerName }),
    ...(cluster['insecure-skip-tls-verify'] === true && { insecureSkipTlsVerify: true }),
  };
}

const serversExtension = 'runink.io/servers';

/** The addresses beside `url` that the cluster's extension lists. */
function serversOf(cluster: Readonly<Record<string, unknown>>, url: string, path: string): string[] {
  const extensions: readonly unknown[] = Array.isArray(cluster['extensions']) ? cluster['extensions'] : [];
  const found = extensions.find((item) => isObject(item) && item['name'] === serversExtension);
  if (found === undefined) return [];
  const body = isObject(found) ? found['extension'] : undefined;
  const servers: unknown = isObject(body) ? body['servers'] : undefined;
  const wrong = (what: string): KubeconfigError =>
    new KubeconfigError(`kubeconfig ${path}: the extension ${serversExtension} ${what}`);
  if (!Array.isArray(servers)) throw wrong('must be {servers: [URL, …]}');
  const urls = servers.map((server: unknown) => {
    const address = text(server);
    if (address === undefined || !URL.canParse(address)) throw wrong(`names "${String(server)}", which is no URL`);
    if (new URL(address).protocol !== new URL(url).protocol)
      throw wrong(`names ${address}, which has another scheme than the cluster's server ${url}`);
    return withoutSlash(address);
  });
  return [...new Set(urls)].filter((address) => address !== withoutSlash(url));
}

function named<T extends Named>(list: readonly T[] | undefined, name: string, what: string, path: string): T {
  const found = list?.find((entry) => entry.name === name);
  if (found !== undefined) return found;
  const known = (list ?? []).map((entry) => entry.name).join(', ');
  throw new KubeconfigError(`kubeconfig ${path} has no ${what} "${name}" (it has: ${known === '' ? 'none' : known})`);
}

/** `FIELD-data` in base64 wins over the path in `FIELD`, as in kubectl. */
async function pem(
  from: Readonly<Record<string, unknown>>,
  field: string,
  read: ReadText,
): Promise<string | undefined> {
  const data = text(from[`${field}-data`]);
  if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8');
  const file = text(from[field]);
  return file === undefined ? undefined : read(file);
}

const withoutSlash = (url: string): string => url.replace(/\/+$/, '');
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
