import { type Clock, type Log, sleep } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import type { Transport } from '../transport/transport.ts';
import type { MemberIdentity } from './member.ts';
import { decodeGreeting, encodeSaying } from './questions.ts';

/** One who founds a group with others waits so long for all of them to say that they do not know it yet. */
const askingMs = 3_000;
const againMs = 50;

/**
 * Refuses to begin with an empty log under an id that has run before: what it voted and promised is lost with its disk, and
 * it could vote twice (Membership). Asks all founders; those who cannot be reached in time are taken not to know it, as etcd does.
 */
export async function refuseWiped(parts: {
  readonly identity: MemberIdentity;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Log;
}): Promise<void> {
  const { identity, transport, clock } = parts;
  const others = identity.initial.filter(({ id }) => id !== identity.id);
  if (others.length === 0) return;
  transport.setPeers(others.map(({ id, name, peerUrl }) => ({ id, name, url: peerUrl })));
  const question = encodeSaying({ kind: 'hello', id: identity.id });
  const untilMs = clock.monotonicMs() + askingMs;
  const waiting = new Set(others);
  while (waiting.size > 0 && clock.monotonicMs() < untilMs) {
    await Promise.all(
      [...waiting].map(async (other) => {
        const answer = await transport.ask(other.peerUrl, question).catch(() => undefined);
        if (answer === undefined) return;
        if (decodeGreeting(answer).hasRun) throw wiped(identity, other.name);
        waiting.delete(other);
      }),
    );
    if (waiting.size > 0) await sleep(clock, againMs);
  }
}

function wiped({ name, id }: MemberIdentity, other: string): BarnError {
  return new BarnError(
    'Membership',
    `start member ${name} with an empty directory: ${other} knows that ${id.toString(16)} has run before; what it voted is lost with its disk, so remove the member, empty its directory and add it anew`,
  );
}
