import type { MemberId, Message } from '../../raft/protocol.ts';

const deadlineMs = 30_000;

/** Resolves when `condition` holds; rejects when that takes too long, naming what was waited for. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A message with what a test cares about. */
export function message(from: MemberId, to: MemberId, parts: Partial<Message> = {}): Message {
  return {
    type: 'MsgApp',
    from,
    to,
    term: 1,
    logTerm: 0,
    index: 0,
    entries: [],
    commit: 0,
    vote: 0,
    reject: false,
    rejectHint: 0,
    ...parts,
  };
}
