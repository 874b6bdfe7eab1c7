// The consensus side of a member: Raft, its log and its peers, and nothing that grows. It runs in a worker, or beside the
// state side in a simulation.
import { BarnError } from '../barn.ts';
import { KeyRing, plain } from '../keys.ts';
import { openWal } from '../wal/open.ts';
import { ConsensusCore } from './consensus-core.ts';
import type { ConsensusParts } from './member.ts';
import { consensusSide, type ToConsensus } from './port.ts';
import { decodeQuestion, encodeSaying } from './questions.ts';
import { isFresh, recover } from './recovery.ts';
import { refuseWiped } from './wiped.ts';

/**
 * Starts the consensus side; resolves when it has read its log and takes part. Errors: Storage, Corrupt, Membership for a
 * member that lost its disk. What fails later goes to the state side over the port.
 */
export async function startConsensus(parts: ConsensusParts): Promise<{ close(): Promise<void> }> {
  const { identity, files, keys = new KeyRing([plain]), log, port } = parts;
  const side = consensusSide(port);
  const early: ToConsensus[] = [];
  let hear = (message: ToConsensus): void => void early.push(message);
  const begun = new Promise<NonNullable<ToConsensus['begin']>>((resolve) => {
    side.onMessage((message) => {
      if (message.begin !== undefined) resolve(message.begin);
      else hear(message);
    });
  });
  const metadata = { clusterId: identity.clusterId, memberId: identity.id };
  const [{ wal, loaded }, begin] = await Promise.all([
    openWal({ files, keys, metadata, log, limits: parts.logLimits ?? {} }),
    begun,
  ]);
  let core: ConsensusCore | undefined;
  const transport = await parts.openTransport({
    onMessages: (_, messages) => core?.messages(messages),
    onUnreachable: (id) => core?.unreachable(id),
    onSnapshot: async (_, message, chunks) => {
      if (core === undefined) throw new BarnError('NoLeader', 'this member is not ready for a snapshot yet');
      await core.snapshot(message, chunks);
    },
    onQuestion: async (question) => {
      if (core !== undefined) return core.question(question);
      const asked = decodeQuestion(question);
      if (asked.kind !== 'hello') throw new BarnError('NoLeader', 'this member begins just now');
      // All founders begin at once and ask one another: each tells what its state knows.
      const { members, format } = begin;
      const hasRun = members.some((member) => member.id === asked.id && member.format > 0);
      return encodeSaying({ members, hasRun, format });
    },
  });
  try {
    const fresh = isFresh(loaded, begin.applied);
    if (fresh) await refuseWiped({ ...parts, transport });
    const recovered = recover(loaded, begin.applied);
    if (recovered.write !== undefined) await wal.append(recovered.write);
    log.info('log read', {
      entries: loaded.entries.length,
      term: recovered.hardState.term,
      commit: recovered.hardState.commit,
      applied: begin.applied.index,
    });
    const foundsFirst = fresh && identity.state === 'new' && identity.initial.every(({ id }) => id >= identity.id);
    core = new ConsensusCore({ ...parts, keys, side, wal, transport, recovered, begin, foundsFirst });
  } catch (error) {
    await transport.close();
    await wal.close();
    throw error;
  }
  const running = core;
  hear = (message) => running.hear(message);
  for (const message of early) running.hear(message);
  running.begin();
  return { close: () => running.close() };
}
