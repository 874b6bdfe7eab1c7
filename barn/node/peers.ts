import type { ConfChange, ConfState, MemberId } from '../raft/protocol.ts';
import type { MemberRecord } from '../state/machine.ts';
import { decodeMemberRecord } from '../state/member-record.ts';
import type { Transport } from '../transport/transport.ts';

/** Who belongs to the group, as the consensus side knows it: from the state at first, then from each change. */
export class Peers {
  /** The command format that the group writes, as the state says. */
  format: number;
  readonly #transport: Transport;
  readonly #records = new Map<MemberId, MemberRecord>();

  constructor(transport: Transport, members: readonly MemberRecord[], config: ConfState, format: number) {
    this.#transport = transport;
    this.format = format;
    this.restored(members, config);
  }

  get members(): readonly MemberRecord[] {
    return [...this.#records.values()].sort((one, other) => one.id - other.id);
  }

  record(id: MemberId): MemberRecord | undefined {
    return this.#records.get(id);
  }

  changed({ context }: ConfChange, config: ConfState): void {
    if (context !== undefined && context.byteLength > 0) {
      const record = decodeMemberRecord(context);
      this.#records.set(record.id, record);
    }
    this.#use(config);
  }

  /** A snapshot brought another book. */
  restored(members: readonly MemberRecord[], config: ConfState): void {
    this.#records.clear();
    for (const record of members) this.#records.set(record.id, record);
    this.#use(config);
  }

  #use(config: ConfState): void {
    const ids = [...config.voters, ...config.learners, ...config.votersOutgoing];
    // One who joins knows the others before it knows the configuration.
    if (ids.length > 0) for (const id of this.#records.keys()) if (!ids.includes(id)) this.#records.delete(id);
    this.#transport.setPeers(this.members.map(({ id, name, peerUrl }) => ({ id, name, url: peerUrl })));
  }
}
