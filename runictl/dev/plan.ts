// What dev starts, as data: which program with which arguments.
import { join } from 'node:path';
import { UsageError } from '../failure.ts';
import type { IdRange, RuntimeFolder } from './runtime.ts';
import type { UnitPlan } from './unit.ts';

/** A folder of this machine that pipelines may name. */
export interface Volume {
  readonly name: string;
  readonly path: string;
  readonly isWritable: boolean;
}

/** Everything that decides what runs. */
export interface DevPlan {
  readonly dataDir: string;
  readonly distDir: string;
  readonly node: string;
  readonly port: number;
  /** Ports of the API servers when there are several, and of their stores' members unless an etcd holds the store. */
  readonly serverPorts?: readonly number[];
  readonly peerPorts?: readonly number[];
  /** The etcd that holds the store instead of the server's own. */
  readonly etcdEndpoints?: readonly string[];
  /** What encrypts the files of the servers' own stores. */
  readonly encryptionKeyFile?: string;
  /** Tokens that the servers take beside their own. */
  readonly tokenFile?: string;
  readonly isolation: 'full' | 'none';
  readonly nodes: readonly string[];
  readonly volumes: readonly Volume[];
  readonly env: Readonly<Record<string, string>>;
  /** How many processes of controllers there are, of which one leads; default 1. */
  readonly controllers?: number;
  /** How long the lease lasts by which they lead; theirs if absent. */
  readonly leaseMs?: number;
  /** What each node may give away, when several share the machine. */
  readonly share?: { readonly cpu: number; readonly memoryBytes: number };
}

/** Reads NAME=PATH[:rw]; a relative path is made absolute by `resolve`. Errors: UsageError. */
export function parseVolume(text: string, resolve: (path: string) => string): Volume {
  const match = /^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)=(.+?)(:rw|:ro)?$/.exec(text);
  if (match?.[1] === undefined || match[3] === undefined)
    throw new UsageError(`--volume: "${text}" is not NAME=PATH or NAME=PATH:rw (NAME: a-z, 0-9 and -)`);
  return { name: match[1], path: resolve(match[3]), isWritable: match[4] === ':rw' };
}

/** The API servers: one with its own store, or several that share one elsewhere. */
export function apiserverUnits(plan: DevPlan): readonly UnitPlan[] {
  const { serverPorts } = plan;
  if (serverPorts === undefined) return [apiserverUnit(plan, 'apiserver', ['--port', String(plan.port)])];
  const urls = serverPorts.map((port) => `https://127.0.0.1:${port}`);
  return urls.map((url, index) =>
    // The first keeps its folder and what else is named by it, however many there are.
    apiserverUnit(plan, serverName(index), [
      '--pki',
      join(plan.dataDir, 'pki'),
      '--listen-client-urls',
      url,
      '--api-servers',
      urls.join(','),
      ...memberFlags(plan, index),
    ]),
  );
}

/** The name of the API server `index`, counted from 0, and of its member of the store. */
export function serverName(index: number): string {
  return index === 0 ? 'apiserver' : `apiserver-${index + 1}`;
}

function memberFlags({ peerPorts, dataDir }: DevPlan, index: number): string[] {
  if (peerPorts === undefined) return [];
  const name = serverName(index);
  const cluster = peerPorts.map((port, other) => `${serverName(other)}=https://127.0.0.1:${port}`);
  const peers = join(dataDir, 'peers');
  return [
    '--name',
    name,
    '--initial-cluster',
    cluster.join(','),
    '--peer-cert-file',
    join(peers, `${name}.crt`),
    '--peer-key-file',
    join(peers, `${name}.key`),
    '--peer-trusted-ca-file',
    join(peers, 'ca.crt'),
  ];
}

function apiserverUnit(plan: DevPlan, name: string, place: readonly string[]): UnitPlan {
  const { etcdEndpoints, encryptionKeyFile, tokenFile } = plan;
  return {
    role: 'apiserver',
    name,
    argv: [
      plan.node,
      join(plan.distDir, 'bin', 'runink-apiserver'),
      '--data',
      join(plan.dataDir, name),
      ...place,
      ...(etcdEndpoints === undefined
        ? []
        : ['--name', name, '--store', 'etcd', '--etcd-endpoints', etcdEndpoints.join(',')]),
      ...(encryptionKeyFile === undefined ? [] : ['--encryption-key-file', encryptionKeyFile]),
      ...(tokenFile === undefined ? [] : ['--token-auth-file', tokenFile, '--insecure-static-tokens']),
      ...plan.nodes.flatMap((node) => ['--node', node]),
    ],
    env: plan.env,
    log: logOf(plan, name),
  };
}

/** The controllers: processes of which one works and the others stand by. */
export function controllersUnits(plan: DevPlan): readonly UnitPlan[] {
  return Array.from({ length: plan.controllers ?? 1 }, (_, index) =>
    controllersUnit(plan, index === 0 ? 'controllers' : `controllers-${index + 1}`),
  );
}

function controllersUnit(plan: DevPlan, name: string): UnitPlan {
  return {
    role: 'controllers',
    name,
    argv: [
      plan.node,
      join(plan.distDir, 'bin', 'runink-controllers'),
      '--kubeconfig',
      join(plan.dataDir, 'apiserver', 'controllers.kubeconfig'),
      ...(plan.leaseMs === undefined ? [] : ['--leader-elect-lease-ms', String(plan.leaseMs)]),
    ],
    env: plan.env,
    log: logOf(plan, name),
  };
}

/** A node without isolation: its agent, as a plain process. */
export function plainAgentUnit(plan: DevPlan, node: string): UnitPlan {
  return {
    role: 'agent',
    name: node,
    argv: [
      plan.node,
      join(plan.distDir, 'bin', 'runi-agent'),
      '--kubeconfig',
      nodeKubeconfig(plan, node),
      '--node',
      node,
      '--state',
      join(plan.dataDir, 'nodes', node),
      '--isolation',
      'none',
      '--programs',
      join(plan.distDir, 'libexec'),
      ...shareFlags(plan),
      ...plan.volumes.flatMap(({ name, path, isWritable }) => [
        '--volume',
        `${name}=${path}${isWritable ? ':rw' : ''}`,
      ]),
    ],
    env: plan.env,
    log: logOf(plan, node),
  };
}

/** A node with isolation: the helper, which starts the agent and the exchange. */
export function helperUnit(
  plan: DevPlan,
  node: string,
  place: {
    readonly instance: string;
    readonly folder: RuntimeFolder;
    readonly state: string;
    readonly kubeconfig: string;
    readonly ids: IdRange;
  },
): UnitPlan {
  const { instance, folder, state, kubeconfig, ids } = place;
  const config = [
    `instance=${instance}`,
    `uid-range=${ids.sliceUidFirst}-${ids.sliceUidLast}`,
    `runtime=${folder.slices}`,
    `node=${folder.node}`,
    `exchange=${folder.exchange}`,
    `init=${folder.init}`,
    `state=${state}`,
    ...plan.volumes.map(({ name, path, isWritable }) => `volume=*:${name}:${path}:${isWritable ? 'rw' : 'ro'}`),
  ];
  return {
    role: 'helper',
    name: node,
    argv: [
      join(folder.path, 'programs', 'runi-helper'),
      '--config-fd',
      '3',
      '--agent-uid',
      String(ids.agentUid),
      '--exchange-uid',
      String(ids.exchangeUid),
      '--gid',
      String(ids.gid),
      '--',
      folder.node,
      folder.agent,
      '--kubeconfig',
      kubeconfig,
      '--node',
      node,
      '--state',
      join(state, 'agent'),
      ...shareFlags(plan),
    ],
    env: plan.env,
    config: `${config.join('\n')}\n`,
    log: logOf(plan, node),
  };
}

/** The credentials that the API server made for a node. */
export function nodeKubeconfig(plan: DevPlan, node: string): string {
  return join(plan.dataDir, 'apiserver', 'nodes', `${node}.kubeconfig`);
}

function shareFlags({ share }: DevPlan): string[] {
  return share === undefined ? [] : ['--cpu', String(share.cpu), '--memory', String(share.memoryBytes)];
}

function logOf(plan: DevPlan, name: string): string {
  return join(plan.dataDir, 'logs', `${name}.log`);
}
