// A member by itself that says what it finds, then writes until it is killed: `node victim.mjs DIRECTORY KIND`. Each line on
// stdout, which is a file, is a `Said` as JSON; a byte on descriptor 3 is the news of the first answer. Ends when its stdin does.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { openEmbeddedBarn, type ReplicatedBarn } from '../../../../barn/index.ts';
import { defaultLimits } from '../../../../barn/limits.ts';
import { identityAlone } from '../../../../barn/node/cluster.ts';
import { startConsensus } from '../../../../barn/node/consensus.ts';
import { localPorts } from '../../../../barn/node/local-port.ts';
import { defaultTimers, type MemberTimers } from '../../../../barn/node/member.ts';
import { noTransport } from '../../../../barn/node/no-transport.ts';
import { startReplica } from '../../../../barn/node/replica.ts';
import { openLevelDisk } from '../../../../barn/state/level-disk.ts';
import { openStateMachine } from '../../../../barn/state/open.ts';
import { nodeWalFiles } from '../../../../barn/wal/node-files.ts';
import { type Log, systemClock, systemRandom } from '../../../../base/index.ts';
import { find, type Said, write } from './workload.ts';

/** As shipped; the same with encrypted files; in one thread, with a log in short segments that are released all the time. */
export type VictimKind = 'shipped' | 'sealed' | 'short segments';

/** Test key, of no secret. */
export const victimKeys = [{ id: 'test', key: Buffer.alloc(32, 7) }];
const name = 'one';
const limits = { ...defaultLimits, historyBytesMax: 400_000 };
/** On a machine that is starved a start takes minutes: nobody may give up meanwhile. */
const timers: MemberTimers = { ...defaultTimers, requestMs: 240_000, leaderlessMs: 240_000 };
const logLimits = { segmentBytes: 128 * 1024, keptEntries: 50, keptBytes: 64 * 1024, stepEntries: 20 };

const log: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (message) => say({ say: 'warned', message }),
  error: (message) => say({ say: 'warned', message }),
  with: () => log,
};

async function main(directory: string, kind: VictimKind): Promise<void> {
  process.stdin.on('end', () => process.exit(0)).resume();
  const barn = kind === 'short segments' ? await openInOneThread(directory) : await openShipped(directory, kind);
  const found = await find(barn);
  say({ say: 'found', found });
  await write(barn, found, say);
}

function openShipped(directory: string, kind: VictimKind): Promise<ReplicatedBarn> {
  const keys = kind === 'sealed' ? { keys: victimKeys } : {};
  return openEmbeddedBarn({ directory, name, clock: systemClock, log, limits, timers, ...keys, onFailed: fail });
}

async function openInOneThread(directory: string): Promise<ReplicatedBarn> {
  const identity = identityAlone(name);
  const { initial } = identity;
  const voters = initial.map(({ id }) => id);
  const confState = { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  const parts = { identity, clock: systemClock, random: systemRandom, log, timers };
  const machine = await openStateMachine({
    disk: await openLevelDisk(join(directory, 'state')),
    ...{ keys: undefined, clock: systemClock, log, limits, founding: { members: initial, confState } },
    timers: { batchMs: 5, syncMs: 15 },
  });
  const [port, other] = localPorts((callback) => void setImmediate(callback));
  const atTurnEnd = (callback: () => void): void => void setImmediate(callback);
  const barn = startReplica({ ...parts, machine, limits, port, atTurnEnd, onFailed: fail });
  const files = nodeWalFiles(join(directory, 'wal'));
  const openTransport = async () => noTransport();
  await startConsensus({ ...parts, files, keys: undefined, openTransport, port: other, logLimits });
  return barn;
}

function fail(error: Error): never {
  process.stderr.write(`the store ended: ${error.stack}\n`);
  process.exit(1);
}

let hasAnswer = false;

/** At once: what was said before a kill is there after it. */
function say(said: Said): void {
  writeSync(1, `${JSON.stringify(said)}\n`);
  if (said.say !== 'acknowledged' || hasAnswer) return;
  hasAnswer = true;
  writeSync(3, '.');
}

const [, , directory = '', kind = 'shipped'] = process.argv;
await main(directory, kind as VictimKind);
