// Puts the agent together from the machine's real parts, and takes it apart again. Called by main.ts alone.
import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  abortOnSignals,
  Lifetime,
  type Log,
  systemClock,
  systemRandom,
  watchParent,
  whenAborted,
} from '../base/index.ts';
import { HttpClient, loadKubeconfig } from '../client/index.ts';
import { Agent } from './agent.ts';
import { BundleStore } from './bundles.ts';
import { Endings } from './endings.ts';
import { ExchangeClient, spawnExchange } from './exchange-client.ts';
import type { Flags } from './flags.ts';
import { connectHelper } from './helper/client.ts';
import { machineFacts } from './machine.ts';
import { MaterialSource } from './materials.ts';
import { keepLease, leaveNode, registerNode } from './node-registration.ts';
import { openPlainSpawner } from './plain-spawner.ts';
import { findProgram } from './programs.ts';
import { ProgressBoard } from './progress.ts';
import { sliceChanges, sliceInformer } from './slice-feed.ts';
import { SpawnError, type Spawner } from './spawner.ts';
import { StatusWriter } from './status-writer.ts';
import { answerServer, keepTunnels } from './tunnel.ts';

const clock = systemClock;
const random = systemRandom;

/** Runs until a signal, or until what it cannot be without is gone (then it throws). */
export async function runAgent(flags: Flags, log: Log): Promise<void> {
  using signals = abortOnSignals(process);
  const stopping = new AbortController();
  const signal = AbortSignal.any([signals.signal, stopping.signal]);
  watchParent(process.env, process.stdin, () => stopping.abort());
  await using life = new Lifetime();

  const connection = await loadKubeconfig(flags.kubeconfig);
  const client = life.use(new HttpClient(connection, { userAgent: 'runi-agent' }));
  const deps = { client, clock, random, log };
  const { spawner, exchange } = await openIsolation(flags, log, life);
  const facts = await machineFacts(flags, spawner);
  const informer = life.use(sliceInformer(deps, flags.node));
  informer.start();
  // Before the node is Ready, so that what is bound from then on is not taken for a former agent's.
  await Promise.race([informer.synced, whenAborted(signal)]);
  if (signal.aborted) return;

  const progress = new ProgressBoard();
  const agent = new Agent({
    node: flags.node,
    slices$: sliceChanges(informer),
    relists$: informer.relists$,
    checkIn: (attempts) => registerNode(facts, () => attempts, deps, signal),
    endings: await Endings.open(join(flags.state, 'endings.ndjson'), log),
    spawner,
    exchange,
    materials: new MaterialSource({ client, bundles: await BundleStore.open(spawner.bundles), findProgram }),
    writer: new StatusWriter(deps),
    progress,
    allocatable: facts.allocatable,
    ...deps,
  });
  const answer = answerServer({ readLog: (query, aborted) => exchange.read(query, aborted), progress, clock });
  const running = Promise.all([
    agent.run(signal),
    keepTunnels({ connection, node: flags.node }, answer, deps, signal),
    beReady(signal),
    Promise.race([gone(spawner, exchange), whenAborted(signal)]),
  ]);
  try {
    await running;
  } finally {
    stopping.abort();
    await leaveNode(facts, deps);
  }

  async function beReady(aborted: AbortSignal): Promise<void> {
    let isRegistered = false;
    await keepLease(flags.node, deps, aborted, () => {
      if (isRegistered) return;
      isRegistered = true;
      registerNode(facts, () => agent.attempts, deps, aborted).then(
        () => process.stdout.write(`${JSON.stringify({ ready: true, node: flags.node })}\n`),
        (cause: unknown) => {
          if (!aborted.aborted) log.error('node not registered', { error: String(cause) });
          stopping.abort();
        },
      );
    });
  }
}

async function gone(spawner: Spawner, exchange: ExchangeClient): Promise<never> {
  const what = await Promise.race([
    spawner.closed.then(() => 'the helper is gone'),
    exchange.closed.then(() => 'the exchange is gone'),
  ]);
  throw new SpawnError('Gone', what);
}

async function openIsolation(
  flags: Flags,
  log: Log,
  life: Lifetime,
): Promise<{ readonly spawner: Spawner; readonly exchange: ExchangeClient }> {
  const common = { clock, random, log };
  if (flags.isolation === 'full') {
    const socket = new Socket({ fd: Number(process.env['RUNINK_EXCHANGE_FD']), readable: true, writable: true });
    const connect = () => ({ socket, close: () => Promise.resolve(void socket.destroy()) });
    const exchange = life.use(new ExchangeClient({ connect, isOurs: false, ...common }));
    const spawner = await connectHelper({ socket: Number(process.env['RUNINK_HELPER_FD']) });
    life.defer(() => spawner.close());
    return { spawner, exchange };
  }
  const programs = flags.programs ?? '';
  const directory = shortDirectory(flags.state);
  const exchangeDirectory = join(directory, 'x');
  await mkdir(flags.state, { recursive: true, mode: 0o700 });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // After the exchange has ended: it makes folders in it.
  life.defer(() => rm(directory, { recursive: true, force: true }));
  const connect = () =>
    spawnExchange({
      node: process.execPath,
      program: join(programs, 'runi-exchange'),
      directory: exchangeDirectory,
      logs: join(flags.state, 'logs'),
    });
  const exchange = life.use(new ExchangeClient({ connect, isOurs: true, ...common }));
  const spawner = await openPlainSpawner({
    directory,
    bundles: join(flags.state, 'bundles'),
    volumes: flags.volumes,
    node: process.execPath,
    program: join(programs, 'runi-slice'),
    exchangeDirectory,
    ...common,
  });
  life.defer(() => spawner.close());
  return { spawner, exchange };
}

// A socket's path has at most 107 bytes, and a state directory may lie deep: the same short one for the same state.
function shortDirectory(state: string): string {
  const hash = createHash('sha256')
    .update(`${process.getuid?.() ?? 0}:${state}`)
    .digest('hex');
  return join(tmpdir(), `runi-${hash.slice(0, 12)}`);
}
