// The command line of runink-apiserver. Flags that etcd has bear its names and mean what they mean there.
import { parseArgs } from 'node:util';
import type { ClusterOptions } from '../barn/index.ts';
import { hostOf } from './address.ts';
import { FlagError, initialClusterOf, listOf, serverUrl, staticTokensProblem } from './flag-texts.ts';
import { readSnapshotCommand, type SnapshotCommand, snapshotUsage } from './snapshot-flags.ts';

/** What the program is to do. */
export type Command = { readonly do: 'serve'; readonly flags: ServeFlags } | SnapshotCommand;

/** How the server is to run. */
export interface ServeFlags {
  readonly name: string;
  readonly data: string;
  readonly pki?: string;
  readonly host: string;
  readonly port: number;
  readonly advertise?: string;
  readonly otherUrls: readonly string[];
  readonly nodes: readonly string[];
  /** A file of tokens in kube-apiserver's form. */
  readonly tokenFile?: string;
  readonly store: StoreFlags;
}

/** Which store the server stands on. */
export type StoreFlags =
  | {
      readonly kind: 'embedded';
      readonly group?: GroupFlags;
      readonly heartbeatMs?: number;
      readonly electionMs?: number;
      readonly encryptionKeyFile?: string;
      readonly memoryBytes?: number;
    }
  | {
      readonly kind: 'etcd';
      readonly endpoints: readonly string[];
      readonly prefix?: string;
      /** Paths of PEM files. */
      readonly caFile?: string;
      readonly certFile?: string;
      readonly keyFile?: string;
    };

/** The group that the member belongs to; paths of PEM files. */
export interface GroupFlags extends Omit<ClusterOptions, 'credentials'> {
  readonly certFile: string;
  readonly keyFile: string;
  readonly trustedCaFile: string;
}

/** How it is called. */
export const usage = `usage: runink-apiserver --data DIR [--name NAME] [--port N | --listen-client-urls https://HOST:PORT]
                        [--advertise-client-urls https://HOST:PORT] [--api-servers URL,URL…] [--pki DIR] [--node NAME]…
                        [--token-auth-file FILE --insecure-static-tokens]
                        [--initial-cluster NAME=https://HOST:PORT,… [--initial-cluster-state new|existing]
                         [--initial-cluster-token TEXT] [--listen-peer-urls https://HOST:PORT]
                         --peer-cert-file FILE --peer-key-file FILE --peer-trusted-ca-file FILE]
                        [--heartbeat-interval MS] [--election-timeout MS] [--encryption-key-file FILE]
                        [--barn-memory-bytes N]
                        [--store embedded | --store etcd --etcd-endpoints URL,URL… [--etcd-prefix TEXT]
                         [--etcd-cafile FILE --etcd-certfile FILE --etcd-keyfile FILE]]
${snapshotUsage}`;

/** Reads a command line. Errors: FlagError. */
export function readCommand(argv: readonly string[]): Command {
  if (argv[0] === 'snapshot') return readSnapshotCommand(argv.slice(1));
  const values = parse(argv);
  const { data } = values;
  if (data === undefined) throw new FlagError('--data DIR is missing');
  const store = storeOf(values);
  if (store.kind === 'etcd' && values.name === undefined && values.pki !== undefined)
    throw new FlagError('--name is missing: servers that share --pki tell each other apart by it');
  const { host, port } = listenOf(values);
  const advertise = values['advertise-client-urls'];
  const tokenFile = tokenFileOf(values);
  return {
    do: 'serve',
    flags: {
      name: values.name ?? 'apiserver',
      data,
      host,
      port,
      nodes: values.node,
      store,
      otherUrls: listOf(values['api-servers']).map((url) => serverUrl('--api-servers', url)),
      ...(values.pki === undefined ? {} : { pki: values.pki }),
      ...(tokenFile === undefined ? {} : { tokenFile }),
      ...(advertise === undefined ? {} : { advertise: serverUrl('--advertise-client-urls', advertise) }),
    },
  };
}

type Values = ReturnType<typeof parse>;

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        name: { type: 'string' },
        data: { type: 'string' },
        pki: { type: 'string' },
        port: { type: 'string' },
        'listen-client-urls': { type: 'string' },
        'advertise-client-urls': { type: 'string' },
        'api-servers': { type: 'string' },
        node: { type: 'string', multiple: true, default: [] },
        'token-auth-file': { type: 'string' },
        'insecure-static-tokens': { type: 'boolean' },
        store: { type: 'string', default: 'embedded' },
        'initial-cluster': { type: 'string' },
        'initial-cluster-state': { type: 'string' },
        'initial-cluster-token': { type: 'string' },
        'listen-peer-urls': { type: 'string' },
        'peer-cert-file': { type: 'string' },
        'peer-key-file': { type: 'string' },
        'peer-trusted-ca-file': { type: 'string' },
        'heartbeat-interval': { type: 'string' },
        'election-timeout': { type: 'string' },
        'encryption-key-file': { type: 'string' },
        'barn-memory-bytes': { type: 'string' },
        'etcd-endpoints': { type: 'string' },
        'etcd-prefix': { type: 'string' },
        'etcd-cafile': { type: 'string' },
        'etcd-certfile': { type: 'string' },
        'etcd-keyfile': { type: 'string' },
      },
    }).values;
  } catch (cause) {
    throw new FlagError(cause instanceof Error ? cause.message : String(cause));
  }
}

function tokenFileOf(values: Values): string | undefined {
  const file = values['token-auth-file'];
  const problem = staticTokensProblem(file, values['insecure-static-tokens'] === true);
  if (problem !== undefined) throw new FlagError(problem);
  return file;
}

function storeOf(values: Values): StoreFlags {
  const endpoints = listOf(values['etcd-endpoints']);
  const ofEtcd = ['etcd-endpoints', 'etcd-prefix', 'etcd-cafile', 'etcd-certfile', 'etcd-keyfile'] as const;
  switch (values.store) {
    case 'embedded': {
      const given = ofEtcd.find((flag) => values[flag] !== undefined);
      if (given !== undefined) throw new FlagError(`--${given} goes with --store etcd; the store is embedded`);
      return embeddedOf(values);
    }
    case 'etcd': {
      const other = [...ofGroup, ...ofMember].find((flag) => values[flag] !== undefined);
      if (other !== undefined) throw new FlagError(`--${other} goes with an embedded store; the store is etcd`);
      if (endpoints.length === 0) throw new FlagError('--etcd-endpoints is missing: --store etcd needs at least one');
      const [caFile, certFile, keyFile] = [values['etcd-cafile'], values['etcd-certfile'], values['etcd-keyfile']];
      if ((certFile === undefined) !== (keyFile === undefined))
        throw new FlagError('--etcd-certfile and --etcd-keyfile go together');
      if (caFile === undefined && endpoints.some((url) => url.startsWith('https:')))
        throw new FlagError('--etcd-cafile is missing: an endpoint is https');
      const prefix = values['etcd-prefix'];
      return {
        kind: 'etcd',
        endpoints,
        ...(prefix === undefined ? {} : { prefix }),
        ...(caFile === undefined ? {} : { caFile }),
        ...(certFile === undefined ? {} : { certFile }),
        ...(keyFile === undefined ? {} : { keyFile }),
      };
    }
    default:
      throw new FlagError(`--store ${values.store} is no store: embedded or etcd`);
  }
}

const ofMember = ['heartbeat-interval', 'election-timeout', 'encryption-key-file', 'barn-memory-bytes'] as const;
const ofGroup = [
  'initial-cluster-state',
  'initial-cluster-token',
  'listen-peer-urls',
  'peer-cert-file',
  'peer-key-file',
  'peer-trusted-ca-file',
  'initial-cluster',
] as const;

function embeddedOf(values: Values): StoreFlags {
  const heartbeatMs = millisecondsOf(values, 'heartbeat-interval');
  const electionMs = millisecondsOf(values, 'election-timeout');
  // etcd's rule: fewer heartbeats than five in an election timeout make elections out of noise.
  if ((electionMs ?? 1_000) < 5 * (heartbeatMs ?? 100))
    throw new FlagError('--election-timeout must be at least five times --heartbeat-interval');
  const encryptionKeyFile = values['encryption-key-file'];
  const memoryBytes = bytesOf(values, 'barn-memory-bytes');
  const group = groupOf(values);
  return {
    kind: 'embedded',
    ...(group === undefined ? {} : { group }),
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    ...(electionMs === undefined ? {} : { electionMs }),
    ...(encryptionKeyFile === undefined ? {} : { encryptionKeyFile }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  };
}

function groupOf(values: Values): GroupFlags | undefined {
  const text = values['initial-cluster'];
  if (text === undefined) {
    const given = ofGroup.find((flag) => values[flag] !== undefined);
    if (given !== undefined) throw new FlagError(`--${given} goes with --initial-cluster`);
    return undefined;
  }
  const { initialCluster, own } = initialClusterOf(text, values.name);
  const state = values['initial-cluster-state'] ?? 'new';
  if (state !== 'new' && state !== 'existing')
    throw new FlagError(`--initial-cluster-state ${state}: it is new or existing`);
  const needed = (flag: 'peer-cert-file' | 'peer-key-file' | 'peer-trusted-ca-file'): string => {
    const file = values[flag];
    if (file === undefined) throw new FlagError(`--${flag} is missing: members know each other by certificates`);
    return file;
  };
  const token = values['initial-cluster-token'];
  const { host, port } = addressOf(serverUrl('--listen-peer-urls', values['listen-peer-urls'] ?? own.peerUrl));
  return {
    initialCluster,
    state,
    ...(token === undefined ? {} : { token }),
    listen: { host, port },
    certFile: needed('peer-cert-file'),
    keyFile: needed('peer-key-file'),
    trustedCaFile: needed('peer-trusted-ca-file'),
  };
}

function millisecondsOf(values: Values, flag: 'heartbeat-interval' | 'election-timeout'): number | undefined {
  const text = values[flag];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d{1,5}$/.test(text) && value >= 1 && value <= 50_000) return value;
  throw new FlagError(`--${flag} ${text} is no number of milliseconds from 1 to 50000`);
}

function bytesOf(values: Values, flag: 'barn-memory-bytes'): number | undefined {
  const text = values[flag];
  if (text === undefined || /^\d{1,15}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new FlagError(`--${flag} ${text} is no number of bytes`);
}

function addressOf(text: string): { readonly host: string; readonly port: number } {
  const { port } = new URL(text);
  return { host: hostOf(text), port: port === '' ? 443 : Number(port) };
}

function listenOf(values: Values): { readonly host: string; readonly port: number } {
  const listen = values['listen-client-urls'];
  if (listen === undefined) return { host: '127.0.0.1', port: portOf(values.port ?? '0') };
  if (values.port !== undefined) throw new FlagError('--port and --listen-client-urls say the same: give one of them');
  return addressOf(serverUrl('--listen-client-urls', listen));
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new FlagError(`--port ${text} is no port`);
}
