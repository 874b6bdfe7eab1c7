import { type Barn, BarnError, type ReplicatedBarn } from '../../barn/index.ts';
import { type Clock, sleep } from '../../base/index.ts';

/** Resolves if this server's store can answer. Errors: BarnError, whose message tells an operator what is missing. */
export async function checkBarn(barn: Barn): Promise<void> {
  const status = await barn.status();
  const corrupt = status.alarms.find((alarm) => alarm.kind === 'CORRUPT' && alarm.member === status.raft?.id);
  if (corrupt !== undefined)
    throw new BarnError('Corrupt', `member ${status.name} has another state than the others and must be replaced`);
  // Known at once; asking the others would take as long as a request may.
  if (status.raft !== undefined && status.raft.leader === 0)
    throw new BarnError('NoLeader', `member ${status.name} knows of no leader in term ${status.raft.term}`);
  await barn.readIndex();
}

/** What the store answers within `ms`; undefined when it does not, or refuses. */
export async function inTime<T>(answer: Promise<T>, ms: number, clock: Clock): Promise<T | undefined> {
  const over = new AbortController();
  const late = sleep(clock, ms, over.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([answer, late]);
  } catch (error) {
    if (error instanceof BarnError) return undefined;
    throw error;
  } finally {
    over.abort();
  }
}

/** Whether the servers keep the store themselves, each with a member of its own. */
export function isReplicated(barn: Barn): barn is ReplicatedBarn {
  return 'addLearner' in barn && 'disarm' in barn;
}

/** Whether this server does what one of all should do: the leader's, or each where none of them leads (an etcd's leader is no server). */
export async function isFirstAmongEquals(barn: Barn): Promise<boolean> {
  if (!isReplicated(barn)) return true;
  const { raft } = await barn.status();
  return raft === undefined || raft.leader === raft.id;
}

/** Before a planned stop: gives leadership away if this server's member has it, so that nobody waits for an election. */
export async function handOver(barn: Barn): Promise<void> {
  if (isReplicated(barn)) await barn.stepDown();
}
