import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { ensurePeers } from '../../pki/index.ts';
import { instanceOf, runCluster } from '../dev/cluster.ts';
import { waitForRelease } from '../dev/lock.ts';
import { type DevPlan, parseVolume, serverName, type Volume } from '../dev/plan.ts';
import { refuseOneOfSeveral, refuseSeveralOfOne, serverPorts } from '../dev/ports.ts';
import { descendants, isAlive, roleOf, signalProcess } from '../dev/processes.ts';
import { type DevState, readState } from '../dev/state.ts';
import { CommandError, UsageError } from '../failure.ts';
import { deadline } from '../follow.ts';
import { listOption, numberOption, type Options, textOption } from '../options.ts';
import { columnLines } from '../print/columns.ts';
import { toJson } from '../print/object.ts';
import type { Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';

const nodesMax = 64;
const serversMax = 9;
const controllersMax = 9;
const stopMsMax = 60_000;

/** `runictl dev`, `dev status`, `dev stop`: a whole cluster on this machine. */
export async function dev(session: Session, args: readonly string[], options: Options): Promise<number> {
  const [action, ...more] = args;
  const dataDir = resolve(session.terminal.cwd, textOption(options, 'data') ?? '');
  if (more.length > 0) throw new UsageError(`dev takes one action, got "${args.join(' ')}"`);
  switch (action) {
    case undefined:
      return start(session, dataDir, options);
    case 'status':
      return status(session.terminal, dataDir, options);
    case 'stop':
      return stop(session.terminal, dataDir);
    default:
      throw new UsageError(`dev has no action "${action}"; there are: dev, dev status, dev stop`);
  }
}

async function start(session: Session, dataDir: string, options: Options): Promise<number> {
  const { terminal } = session;
  const isolation = textOption(options, 'isolation') === 'none' ? 'none' : 'full';
  const uid = process.getuid?.() ?? 0;
  if (isolation === 'full' && uid !== 0)
    throw new CommandError(
      `slices need the privileged helper, and you are not root (uid ${uid}). Run as root (a helper installed for plain users, hack/install-helper, is still to come); "--isolation=none" runs every step as a plain process with your rights: only for code that you trust`,
    );
  const serverCount = numberOption(options, 'servers') ?? 1;
  const etcdEndpoints = textOption(options, 'etcdEndpoints')?.split(',');
  const keyFile = textOption(options, 'encryptionKeyFile');
  if (keyFile !== undefined && etcdEndpoints !== undefined)
    throw new UsageError('--encryption-key-file: the store is in an etcd, which keeps its files by itself');
  const tokenFile = tokenFileOf(options);
  checkServers(serverCount, options);
  const controllers = numberOption(options, 'controllers') ?? 1;
  if (controllers < 1 || controllers > controllersMax)
    throw new UsageError(`--controllers: 1 to ${controllersMax} run on one machine`);
  const leaseMs = numberOption(options, 'leaderElectLeaseMs');
  const nodeCount = numberOption(options, 'agents') ?? 1;
  if (nodeCount > nodesMax) throw new UsageError(`--agents: at most ${nodesMax} run on one machine`);
  const port = numberOption(options, 'port') ?? 0;
  if (port > 65535) throw new UsageError(`--port: ${port} is no port`);
  mkdirSync(join(dataDir, 'data'), { recursive: true });
  const plan: DevPlan = {
    dataDir: realpathSync(dataDir),
    distDir: session.distDir,
    node: realpathSync(process.execPath),
    port,
    ...(await serverPlaces(dataDir, serverCount, etcdEndpoints === undefined, terminal)),
    ...(etcdEndpoints === undefined ? {} : { etcdEndpoints }),
    controllers,
    ...(leaseMs === undefined ? {} : { leaseMs }),
    ...(keyFile === undefined ? {} : { encryptionKeyFile: resolve(terminal.cwd, keyFile) }),
    ...(tokenFile === undefined ? {} : { tokenFile: resolve(terminal.cwd, tokenFile) }),
    isolation,
    nodes: Array.from({ length: nodeCount }, (_, index) => `node-${index + 1}`),
    volumes: volumesOf(dataDir, options, terminal),
    env: scrubbed(terminal.env),
    ...(nodeCount > 1
      ? { share: { cpu: availableParallelism() / nodeCount, memoryBytes: Math.floor(totalmem() / nodeCount) } }
      : {}),
  };
  try {
    await runCluster(plan, terminal, {
      restart: options['restart'] !== false,
      ready: async (state) => {
        const nodes = `${nodeCount} ${nodeCount === 1 ? 'node' : 'nodes'}`;
        await terminal.out(
          `ready: ${state.url}, ${nodes}, isolation ${isolation}; export KUBECONFIG=${state.kubeconfig}\n`,
        );
      },
    });
  } catch (error) {
    if (!terminal.signal.aborted) throw error;
  }
  // An interrupt is how it is meant to end.
  return 0;
}

function tokenFileOf(options: Options): string | undefined {
  const file = textOption(options, 'tokenAuthFile');
  const isTyped = options['insecureStaticTokens'] === true;
  if (file === undefined && isTyped) throw new UsageError('--insecure-static-tokens goes with --token-auth-file FILE');
  if (file !== undefined && !isTyped)
    throw new UsageError(
      '--token-auth-file: its tokens never end, and whoever reads the file has them; type --insecure-static-tokens too if that is meant',
    );
  return file;
}

function checkServers(count: number, options: Options): void {
  if (count < 1 || count > serversMax) throw new UsageError(`--servers: 1 to ${serversMax} run on one machine`);
  if (count === 1) return;
  if ((numberOption(options, 'port') ?? 0) !== 0)
    throw new UsageError(`--port: of ${count} servers each needs one of its own; they are chosen and kept`);
}

/** Ports of several servers and, when their stores are a group of their own, those and the certificates of its members. */
async function serverPlaces(dataDir: string, count: number, isGroup: boolean, terminal: Terminal) {
  if (count === 1) {
    refuseOneOfSeveral(dataDir);
    return {};
  }
  if (isGroup) refuseSeveralOfOne(dataDir);
  const ports = await serverPorts(dataDir, isGroup ? count * 2 : count, terminal.random);
  if (!isGroup) return { serverPorts: ports };
  const members = Array.from({ length: count }, (_, index) => ({ name: serverName(index), hosts: ['127.0.0.1'] }));
  await ensurePeers(join(dataDir, 'peers'), members, terminal.clock);
  return { serverPorts: ports.slice(0, count), peerPorts: ports.slice(count) };
}

function volumesOf(dataDir: string, options: Options, terminal: Terminal): Volume[] {
  const given = listOption(options, 'volume').map((text) => parseVolume(text, (path) => resolve(terminal.cwd, path)));
  const volumes = new Map<string, Volume>([['data', { name: 'data', path: join(dataDir, 'data'), isWritable: true }]]);
  for (const volume of given) {
    if (!existsSync(volume.path)) throw new CommandError(`--volume ${volume.name}: there is no folder ${volume.path}`);
    volumes.set(volume.name, volume);
  }
  return [...volumes.values()].map((volume) => ({ ...volume, path: realpathSync(volume.path) }));
}

// The programs get nothing of the user's environment but where to find commands and how to write text.
function scrubbed(env: Terminal['env']): Record<string, string> {
  const kept = ['PATH', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'RUNINK_LOG_LEVEL'];
  return Object.fromEntries(kept.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

interface StatusProcess {
  readonly role: string;
  readonly name: string;
  readonly pid: number;
  readonly argv: readonly string[];
  readonly url?: string;
  readonly restarts?: number;
}

async function status(terminal: Terminal, dataDir: string, options: Options): Promise<number> {
  const form = textOption(options, 'output');
  if (form !== undefined && form !== 'json') throw new UsageError(`-o ${form}: dev status prints json or a table`);
  const state = runningState(dataDir);
  if (state === undefined) {
    if (form === 'json') await terminal.out(toJson({ ready: false, processes: [] }));
    else terminal.err(`error: no cluster runs on ${dataDir}; start one with "runictl dev --data ${dataDir}"\n`);
    return 1;
  }
  const processes = processesOf(state);
  if (form === 'json') {
    const { pid, instance, isolation, ready, url, kubeconfig } = state;
    await terminal.out(toJson({ pid, instance, isolation, ready, url, kubeconfig, processes }));
    return 0;
  }
  const rows = processes.map(({ role, name, pid, restarts, url }) => [
    role,
    name,
    String(pid),
    String(restarts ?? ''),
    url ?? '',
  ]);
  await terminal.out(`${columnLines([['ROLE', 'NAME', 'PID', 'RESTARTS', 'URL'], ...rows]).join('\n')}\n`);
  return state.ready ? 0 : 1;
}

function processesOf(state: DevState): StatusProcess[] {
  return state.processes
    .filter(({ pid, startTicks }) => isAlive(pid, startTicks))
    .flatMap(({ role, name, pid, argv, url, restarts }) => [
      { role, name, pid, argv, ...(url === undefined ? {} : { url }), restarts },
      ...descendants(pid).map((child) => ({ role: roleOf(child.argv), name, pid: child.pid, argv: child.argv })),
    ]);
}

async function stop(terminal: Terminal, dataDir: string): Promise<number> {
  const state = runningState(dataDir);
  if (state === undefined) {
    terminal.err(`no cluster runs on ${dataDir}\n`);
    return 0;
  }
  using limit = deadline(terminal, stopMsMax);
  const released = waitForRelease(instanceOf(dataDir), limit.signal);
  signalProcess(state.pid, state.startTicks, 'SIGTERM');
  await released.catch((cause: unknown) => {
    throw new CommandError(`the cluster on ${dataDir} (pid ${state.pid}) has not ended after ${stopMsMax / 1000} s`, {
      cause,
    });
  });
  await terminal.out('stopped\n');
  return 0;
}

function runningState(dataDir: string): DevState | undefined {
  const state = existsSync(dataDir) ? readState(dataDir) : undefined;
  return state !== undefined && isAlive(state.pid, state.startTicks) ? state : undefined;
}
