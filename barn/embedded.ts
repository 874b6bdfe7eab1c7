import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MessageChannel, Worker } from 'node:worker_threads';
import { type Clock, freeBytesOf, type Log, systemRandom } from '../base/index.ts';
import { BarnError, type EmbeddedBarn } from './barn.ts';
import { KeyRing, plain, type StoreKeys } from './keys.ts';
import { type BarnLimits, defaultLimits } from './limits.ts';
import {
  aloneToken,
  type ClusterOptions,
  foundingOf,
  identityAlone,
  identityOfFounder,
  identityOfJoiner,
  tokenOf,
} from './node/cluster.ts';
import type { DiskLimits } from './node/disk-room.ts';
import type { KeptLimits } from './node/log-release.ts';
import { defaultTimers, type MemberIdentity, type MemberTimers } from './node/member.ts';
import { readMember, writeMember } from './node/member-file.ts';
import { clusterIdOf } from './node/member-id.ts';
import { startReplica } from './node/replica.ts';
import { threadPort } from './node/thread-port.ts';
import type { WorkerSaying, WorkerStart } from './node/worker-protocol.ts';
import { refuseCutRestore } from './restore.ts';
import type { WriterTimers } from './state/lagging-writer.ts';
import { openLevelDisk } from './state/level-disk.ts';
import type { StateMachine } from './state/machine.ts';
import { openStateMachine } from './state/open.ts';
import { openAsk } from './transport/tls.ts';
import type { WalLimits } from './wal/limits.ts';

/** What an embedded store needs from its owner. */
export interface EmbeddedBarnOptions {
  /** The member's own directory; made when absent, locked while open. Holds `state`, `wal` and `member.json`. */
  readonly directory: string;
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<BarnLimits>;
  readonly timers?: Partial<MemberTimers>;
  /** The group; absent: a member by itself, which nobody can reach. */
  readonly cluster?: ClusterOptions;
  /** Where clients find this member; told to the group. */
  readonly clientUrl?: string;
  /** Bounds of the log and of what lags behind it, where they are not the product's: for disks of a few megabytes. */
  readonly diskLimits?: Partial<WalLimits & KeptLimits & DiskLimits & Pick<WriterTimers, 'batchOperations'>>;
  /** What encrypts the files, the current key first; absent: nothing does, and what is encrypted is refused. */
  readonly keys?: StoreKeys;
  /** The store has ended and cannot go on: the owner should end the process, so that a new one reads what is on disk. */
  readonly onFailed?: (error: BarnError) => void;
}

/**
 * A member of a store on this machine's disk: what it acknowledged survives kill -9 and power loss of a minority, or of all.
 * Errors: Storage when the directory cannot be opened or another process has it, Corrupt when what it holds is damaged,
 * Membership when the group does not want this member so, NoLeader when one that joins finds nobody.
 */
export async function openEmbeddedBarn(options: EmbeddedBarnOptions): Promise<EmbeddedBarn> {
  const { directory, clock, log } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const timers = { ...defaultTimers, ...options.timers };
  refuseCutRestore(directory);
  const known = await readMember(directory);
  const identity = await identityOf(options, known);
  const disk = await openLevelDisk(join(directory, 'state'));
  const keys = new KeyRing(options.keys ?? [plain]);
  const founding = identity.state === 'new' ? { founding: foundingOf(identity) } : {};
  const { lagBytesMax, batchOperations } = options.diskLimits ?? {};
  const lag = {
    timers: {
      ...(lagBytesMax !== undefined && { lagBytesMax }),
      ...(batchOperations !== undefined && { batchOperations }),
    },
  };
  const machine = await openStateMachine({ disk, keys, clock, log, limits, ...founding, ...lag });
  const barn = await startMember(options, { identity, machine, limits, timers });
  try {
    // Only who was let in: one that was refused would count as known at its next start, and not be asked again.
    if (known === undefined) await writeMember(directory, identity);
  } catch (error) {
    await barn.close();
    throw error;
  }
  return barn;
}

async function identityOf(
  { name, cluster, clock }: EmbeddedBarnOptions,
  known: Awaited<ReturnType<typeof readMember>>,
): Promise<MemberIdentity> {
  if (known !== undefined && known.name !== name)
    throw new BarnError('Membership', `start member ${name}: the directory belongs to member ${known.name}`);
  if (known !== undefined && isOfAnother(known.clusterId, cluster))
    throw new BarnError(
      'Membership',
      cluster === undefined
        ? `start member ${name} by itself: the directory belongs to a member of a group; name the group with --initial-cluster`
        : `start member ${name} of group ${tokenOf(cluster)}: the directory belongs to a member by itself or of another group; name an empty one`,
    );
  if (cluster === undefined) return { ...identityAlone(name), ...known };
  if (known !== undefined || cluster.state === 'new') {
    const founder = cluster.state === 'new' ? identityOfFounder(name, cluster) : undefined;
    if (known === undefined && founder !== undefined) return founder;
    return { ...(founder ?? { name, initial: [], state: 'existing' }), ...known, name } as MemberIdentity;
  }
  const url = cluster.initialCluster.find((member) => member.name === name)?.peerUrl ?? '';
  const clusterId = clusterIdOf(tokenOf(cluster));
  const ask = openAsk({ name, clusterId, url, credentials: cluster.credentials, clock });
  return identityOfJoiner(name, cluster, ask);
}

/** Whether a directory's group is not the one of the flags; whose name is not given is as the directory has it. */
function isOfAnother(clusterId: number, cluster: ClusterOptions | undefined): boolean {
  const isAlone = clusterId === clusterIdOf(aloneToken);
  if (cluster === undefined || cluster.token === undefined) return isAlone !== (cluster === undefined);
  return clusterId !== clusterIdOf(cluster.token);
}

async function startMember(
  options: EmbeddedBarnOptions,
  parts: {
    readonly identity: MemberIdentity;
    readonly machine: StateMachine;
    readonly limits: BarnLimits;
    readonly timers: MemberTimers;
  },
): Promise<EmbeddedBarn> {
  const { directory, name, clock, log, cluster, clientUrl, diskLimits = {}, onFailed = () => {} } = options;
  const { port1, port2 } = new MessageChannel();
  const url = cluster?.initialCluster.find((member) => member.name === name)?.peerUrl ?? '';
  const start: WorkerStart = {
    identity: parts.identity,
    walDirectory: join(directory, 'wal'),
    timers: parts.timers,
    logLimits: diskLimits,
    keys: options.keys ?? [plain],
    peers: cluster === undefined ? undefined : { url, listen: cluster.listen, credentials: cluster.credentials },
  };
  const worker = new Worker(workerFile(), { workerData: { start, port: port2 }, transferList: [port2] });
  const started = startedOf(worker, log);
  let isStarted = false;
  const barn = startReplica({
    ...parts,
    clock,
    log,
    random: systemRandom,
    // Without its thread a member can do nothing more, and what waits for it would wait for ever.
    port: threadPort(port1, { failed: { reason: 'Storage', message: threadEnded } }),
    ...(clientUrl !== undefined && { clientUrl }),
    atTurnEnd: (callback) => void setImmediate(callback),
    freeBytes: () => freeBytesOf(directory),
    diskLimits,
    onFailed: (error) => {
      if (isStarted) onFailed(error);
    },
  });
  try {
    await started;
  } catch (error) {
    await worker.terminate();
    await barn.close();
    throw error;
  }
  isStarted = true;
  return barn;
}

const threadEnded = 'the thread of the log ended';

/** Beside this file once compiled; in a bundled program with the other libraries. */
function workerFile(): URL {
  const compiled = new URL('./node/worker.js', import.meta.url);
  return existsSync(fileURLToPath(compiled)) ? compiled : new URL('../libexec/barn-worker.mjs', import.meta.url);
}

/** Resolves when the worker takes part; passes its log on. */
function startedOf(worker: Worker, log: Log): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.on('message', (saying: WorkerSaying) => {
      if (saying.kind === 'log') return log[saying.level](saying.message, saying.fields);
      if (saying.kind === 'started') return resolve();
      reject(new BarnError(saying.failure.reason, saying.failure.message));
    });
    worker.on('error', (cause) => {
      log.error(threadEnded, { error: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) });
      reject(new BarnError('Storage', threadEnded, { cause }));
    });
    worker.on('exit', () => reject(new BarnError('Storage', threadEnded)));
  });
}
