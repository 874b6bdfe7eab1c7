// Members of a group in one thread, with logs, disks and wires in memory. Test support, not part of the door.
import { type Clock, type Log, seededRandom, silentLog, systemClock } from '../../base/index.ts';
import type { BarnError, ReplicatedBarn } from '../barn.ts';
import { type BarnLimits, defaultLimits } from '../limits.ts';
import type { MemberId, Message } from '../raft/protocol.ts';
import { HeldDisk } from '../state/held-disk.ts';
import type { WriterTimers } from '../state/lagging-writer.ts';
import { openStateMachine } from '../state/open.ts';
import type { PeerAddress, Transport, TransportEvents } from '../transport/transport.ts';
import type { WalLimits } from '../wal/limits.ts';
import { MemoryWalFiles } from '../wal/memory-files.ts';
import { foundingOf } from './cluster.ts';
import { startConsensus } from './consensus.ts';
import { localPorts } from './local-port.ts';
import type { KeptLimits } from './log-release.ts';
import { defaultTimers, type MemberIdentity, type MemberTimers } from './member.ts';
import { startReplica } from './replica.ts';

interface Attached {
  readonly id: MemberId;
  readonly url: string;
  readonly events: TransportEvents;
}

/** Wires between members of one thread; a cut member hears and says nothing. */
export class HeldNetwork {
  readonly cut = new Set<MemberId>();
  readonly #attached = new Map<MemberId, Attached>();

  /** Cuts one, and tells the others that their connections broke, as the kernel of a machine does whose process died. */
  kill(id: MemberId): void {
    this.cut.add(id);
    for (const other of this.#attached.values()) if (other.id !== id) other.events.onUnreachable(id);
  }

  /** Tells one that its connection to another broke, though it did not. */
  break(at: MemberId, to: MemberId): void {
    this.#attached.get(at)?.events.onUnreachable(to);
  }

  open(id: MemberId, url: string, events: TransportEvents): Transport {
    const attached = { id, url, events };
    this.#attached.set(id, attached);
    let peers: readonly PeerAddress[] = [];
    let queued: Message[] = [];
    const reach = (to: MemberId): Attached | undefined =>
      this.cut.has(to) || this.cut.has(id) ? undefined : this.#attached.get(to);
    return {
      setPeers: (given) => {
        peers = given;
      },
      send: (messages) => void queued.push(...messages),
      flush: () => {
        const messages = queued;
        queued = [];
        for (const to of new Set(messages.map((message) => message.to))) {
          const batch = messages.filter((message) => message.to === to);
          setImmediate(() => {
            const peer = reach(to);
            if (peer === undefined) attached.events.onUnreachable(to);
            else peer.events.onMessages(id, batch);
          });
        }
      },
      sendSnapshot: async ({ message, chunks }) => {
        const peer = reach(message.to);
        if (peer === undefined) throw new Error('not connected');
        await peer.events.onSnapshot(id, message, chunks);
      },
      ask: async (url, question) => {
        const peer = [...this.#attached.values()].find((other) => other.url === url);
        if (peer === undefined || reach(peer.id) === undefined) throw new Error('not connected');
        return peer.events.onQuestion(question);
      },
      // Nobody shows anything on these wires.
      update: () => {},
      connected: () => peers.map((peer) => peer.id).filter((peer) => peer !== id && reach(peer) !== undefined),
      close: async () => {
        if (this.#attached.get(id) === attached) this.#attached.delete(id);
      },
    };
  }
}

/** One member that can be stopped and started again. */
export interface HeldMember {
  readonly id: MemberId;
  readonly barn: ReplicatedBarn;
  readonly failures: readonly BarnError[];
  readonly files: MemoryWalFiles;
  readonly disk: HeldDisk;
}

const defaults = { ...defaultTimers, heartbeatMs: 20, electionMs: 200 };

/** Starts a member; with the files and disk of an earlier life it goes on where that ended. */
export async function startHeld(options: {
  readonly network: HeldNetwork;
  readonly identity: MemberIdentity;
  readonly files?: MemoryWalFiles;
  readonly disk?: HeldDisk;
  readonly clock?: Clock;
  readonly limits?: Partial<BarnLimits>;
  readonly timers?: Partial<MemberTimers>;
  readonly logLimits?: Partial<WalLimits & KeptLimits>;
  readonly writerTimers?: Partial<WriterTimers>;
  readonly freeBytes?: () => Promise<number>;
  /** Of the state side. */
  readonly log?: Log;
}): Promise<HeldMember> {
  const { network, identity, files = new MemoryWalFiles(), disk = new HeldDisk(), clock = systemClock } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const timers = { ...defaults, ...options.timers };
  const logLimits = { segmentBytes: 64 * 1024, ...options.logLimits };
  const random = seededRandom(identity.id);
  const failures: BarnError[] = [];
  const url = identity.initial.find(({ id }) => id === identity.id)?.peerUrl ?? '';
  disk.closed = false;
  const machine = await openStateMachine({
    disk,
    keys: undefined,
    clock,
    log: silentLog,
    limits,
    ...(options.writerTimers !== undefined && { timers: options.writerTimers }),
    ...(identity.state === 'new' && { founding: foundingOf(identity) }),
  });
  const [one, other] = localPorts((callback) => void setImmediate(callback));
  const barn = startReplica({
    identity,
    machine,
    clock,
    random,
    limits,
    timers,
    log: options.log ?? silentLog,
    port: one,
    ...(options.freeBytes !== undefined && { freeBytes: options.freeBytes }),
    diskLimits: logLimits,
    atTurnEnd: (callback) => void setImmediate(callback),
    onFailed: (error) => void failures.push(error),
  });
  await startConsensus({
    identity,
    files,
    keys: undefined,
    random,
    timers,
    log: silentLog,
    port: other,
    clock: systemClock,
    logLimits,
    openTransport: async (events) => network.open(identity.id, url, events),
  });
  return { id: identity.id, barn, failures, files, disk };
}

/** The identities of `count` founders, numbered from 1. */
export function founders(count: number): readonly MemberIdentity[] {
  const initial = Array.from({ length: count }, (_, at) => ({
    id: at + 1,
    name: `m${at + 1}`,
    peerUrl: `https://m${at + 1}`,
    format: count === 1 ? 1 : 0,
  }));
  return initial.map(({ id, name }) => ({ id, name, initial, state: 'new', clusterId: 7 }));
}
