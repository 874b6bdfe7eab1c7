import type { Clock, Timer } from '../../base/index.ts';
import type { MemberId } from '../raft/protocol.ts';
import type { RawNode } from '../raft/raw-node.ts';

/**
 * A follower whose connection to its leader broke has reason to believe it dead: the other kernel said so. It forgets it, so
 * that it may vote for another at once (raft.go, ForgetLeader), and does not wait an election's time before it stands itself.
 * The voters do so in the order of their ids, a heartbeat apart, so that they do not take each other's votes. A leader that
 * lives says so with its next heartbeat; those who hear it give no pre-vote meanwhile.
 */
export class LostLeader {
  readonly #node: Pick<RawNode, 'basicStatus' | 'status' | 'forgetLeader' | 'campaign'>;
  readonly #clock: Clock;
  readonly #heartbeatMs: number;
  readonly #guard: (work: () => void) => void;
  #timer: Timer | undefined;

  /** `guard` does something to the core and then all that follows from it. */
  constructor(options: {
    readonly node: Pick<RawNode, 'basicStatus' | 'status' | 'forgetLeader' | 'campaign'>;
    readonly clock: Clock;
    readonly heartbeatMs: number;
    readonly guard: (work: () => void) => void;
  }) {
    this.#node = options.node;
    this.#clock = options.clock;
    this.#heartbeatMs = options.heartbeatMs;
    this.#guard = options.guard;
  }

  /** The connection to that member broke. */
  unreachable(lost: MemberId): void {
    const { leader, role } = this.#node.basicStatus();
    if (role !== 'StateFollower' || leader !== lost) return;
    this.#node.forgetLeader();
    this.#timer?.cancel();
    const { id, config } = this.#node.status();
    const place = config.voters
      .filter((voter) => voter !== lost)
      .sort((one, other) => one - other)
      .indexOf(id);
    if (place === -1) return;
    // The others are to have heard of it too.
    const delayMs = this.#heartbeatMs * (place + 0.25);
    this.#timer = this.#clock.after(delayMs, () => this.#guard(() => this.#stand()), { unref: true });
  }

  close(): void {
    this.#timer?.cancel();
  }

  #stand(): void {
    const { leader, role } = this.#node.basicStatus();
    if (leader === 0 && role === 'StateFollower') this.#node.campaign();
  }
}
