// Names that agent, helper and neighbours on other nodes must derive alike (docs/wiring.md).
import { createHash } from 'node:crypto';
import type { Slice } from '../apis/index.ts';

/** One attempt at one group of a run: what is started, judged and retried together. */
export interface GroupId {
  readonly herd: string;
  readonly runUid: string;
  readonly group: string;
  readonly attempt: number;
}

/** The group attempt a slice belongs to. */
export function groupIdOf(slice: Slice): GroupId {
  return {
    herd: slice.metadata.namespace ?? '',
    runUid: slice.spec.runUID ?? slice.spec.run,
    group: slice.spec.group ?? slice.spec.step,
    attempt: slice.spec.attempt,
  };
}

/** The key of a group attempt in queues and maps; no part may hold a slash. */
export function groupKey({ herd, runUid, group, attempt }: GroupId): string {
  return `${herd}/${runUid}/${group}/${attempt}`;
}

/** A group attempt as Node.status.attempts names it: a run's uid is its herd's alone. */
export function attemptId({ runUid, group, attempt }: GroupId): string {
  return `${runUid}/${group}/${attempt}`;
}

/** FIFO of an edge (`FROM.TO`) in one attempt. */
export function edgeId(runUid: string, edge: string, attempt: number): string {
  return digest(`${runUid}/${edge}/${attempt}`);
}

/** Staging directory of a group attempt, the same in every volume. */
export function stagingId(group: GroupId): string {
  return digest(attemptId(group));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
