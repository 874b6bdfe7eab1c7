// The thread of the consensus side: it adapts the machine to startConsensus and does nothing else.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type Log, present, systemClock, systemRandom } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import { KeyRing } from '../keys.ts';
import { openTlsTransport } from '../transport/tls.ts';
import type { Transport, TransportEvents } from '../transport/transport.ts';
import { nodeWalFiles } from '../wal/node-files.ts';
import { startConsensus } from './consensus.ts';
import { noTransport } from './no-transport.ts';
import type { ToReplica } from './port.ts';
import { threadPort } from './thread-port.ts';
import type { WorkerSaying, WorkerStart } from './worker-protocol.ts';

const parent = present(parentPort, 'the thread that started this one');
const { start, port } = workerData as {
  readonly start: WorkerStart;
  readonly port: MessagePort;
};

function say(saying: WorkerSaying): void {
  parent.postMessage(saying);
}

function logWith(fixed: object): Log {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (message: string, fields?: object) =>
    say({ kind: 'log', level, message, fields: { ...fixed, ...fields } });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => logWith({ ...fixed, ...fields }),
  };
}

const log = logWith({ thread: 'consensus' });

async function openTransport(events: TransportEvents): Promise<Transport> {
  const { identity, peers } = start;
  if (peers === undefined) return noTransport();
  const { id, name, clusterId } = identity;
  return openTlsTransport({ ...peers, id, name, clusterId, log, clock: systemClock, random: systemRandom }, events);
}

try {
  await startConsensus({
    identity: start.identity,
    files: nodeWalFiles(start.walDirectory),
    keys: new KeyRing(start.keys),
    openTransport,
    clock: systemClock,
    random: systemRandom,
    log,
    timers: start.timers,
    logLimits: start.logLimits,
    port: threadPort(port),
  });
  say({ kind: 'started' });
} catch (error) {
  const reason = error instanceof BarnError ? error.reason : 'Storage';
  const failure = { reason, message: error instanceof Error ? error.message : String(error) } as const;
  const lastWords: ToReplica = { failed: failure };
  port.postMessage(lastWords);
  say({ kind: 'failed', failure });
}
