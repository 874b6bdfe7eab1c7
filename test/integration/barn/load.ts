// Clients under which a nemesis works: each calls one member at a time, turns to another when that one fails, and writes down what
// it saw, for the checker of the simulator.
import { setTimeout as pause } from 'node:timers/promises';
import { BarnError, type BarnReason, type Compare, type KeyValue, type Operation } from '../../../barn/index.ts';
import type { Random } from '../../../base/index.ts';
import type { Answer, History, Request } from '../../sim/history.ts';
import type { RemoteBarn } from '../../support/barn-process/client.ts';
import type { MemberGroup } from '../../support/barn-process/group.ts';

const keys = ['a', 'b', 'c', 'd'] as const;
/** Longer than a member lets a caller wait; a member that is paused says nothing at all. */
const patienceMs = 9_000;
const restMs = 4;
/** After these a write certainly did not and will not happen. */
const refusals: readonly BarnReason[] = ['NoLeader', 'Overloaded', 'FutureRevision', 'NoSpace'];

/** Runs one client until the signal aborts. */
export async function runClient(
  name: string,
  group: MemberGroup,
  history: History,
  random: Random,
  signal: AbortSignal,
): Promise<void> {
  const pick = <T>(from: readonly [T, ...T[]]): T => from[Math.floor(random.next() * from.length)] ?? from[0];
  const seen = new Map<string, KeyValue | undefined>();
  let barn: RemoteBarn | undefined;
  for (let count = 1; !signal.aborted; count++) {
    await pause(restMs);
    barn ??= await group.connect(pick(group.names as [string, ...string[]])).catch(() => undefined);
    if (barn === undefined) continue;
    const key = pick(keys);
    const value = new Uint8Array(Buffer.from(`${name}.${count}`));
    const last = seen.get(key);
    const write: Operation = random.next() < 0.15 ? { do: 'delete', key } : { do: 'put', key, value };
    const onLast: readonly Compare[] =
      random.next() < 0.5 ? [] : [{ target: 'mod', key, op: '=', number: last?.modRevision ?? 0 }];
    const request: Request =
      random.next() < 0.5
        ? { kind: 'txn', compares: onLast, success: [write], failure: [{ do: 'get', key }] }
        : { kind: 'range', start: '', end: '\x7f', revision: 0, serializable: random.next() < 0.2 };
    const call = history.begin(name, request);
    const answer = await answerOf(barn, request);
    history.end(call, answer);
    if (answer.kind === 'range') for (const kv of answer.result.items) seen.set(kv.key, kv);
    if (answer.kind === 'unknown' || answer.kind === 'refused' || random.next() < 0.05) {
      await barn.close();
      barn = undefined;
    }
  }
  await barn?.close();
}

async function answerOf(barn: RemoteBarn, request: Request): Promise<Answer> {
  const timer = new AbortController();
  const lost = pause(patienceMs, { kind: 'unknown' } as const, { signal: timer.signal, ref: false });
  lost.catch(() => undefined);
  try {
    return await Promise.race([ask(barn, request), lost]);
  } catch (error) {
    if (error instanceof BarnError && refusals.includes(error.reason)) return { kind: 'refused', reason: error.reason };
    return { kind: 'unknown' };
  } finally {
    timer.abort();
  }
}

async function ask(barn: RemoteBarn, request: Request): Promise<Answer> {
  switch (request.kind) {
    case 'txn':
      return { kind: 'txn', result: await barn.txn(request.compares, request.success, request.failure) };
    case 'range':
      return {
        kind: 'range',
        result: await barn.range(request.start, request.end, { serializable: request.serializable }),
      };
    default:
      return { kind: 'readIndex', revision: await barn.readIndex() };
  }
}
