import type { MemberId, Message } from '../raft/types.ts';

/** Where a member is found: https://host:port. */
export interface PeerAddress {
  readonly id: MemberId;
  readonly url: string;
}

/** The data of a snapshot on its way to a member that needs it, with the message that announces it. */
export interface SnapshotSend {
  readonly message: Message;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** What a transport tells its owner. Handlers run on the transport's turn and must not block. */
export interface TransportEvents {
  /** Messages of one peer that came in one turn; their sender was checked against its certificate. */
  onMessages(from: MemberId, messages: readonly Message[]): void;
  /** The peer could not be reached, or the connection broke: what was on its way may be lost. */
  onUnreachable(id: MemberId): void;
  /** A snapshot begins to arrive; resolves when all of it was taken in, rejects to refuse it. */
  onSnapshot(from: MemberId, message: Message, chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

/** Messages between members: at most once, in order while a connection holds, never blocking. */
export interface Transport {
  /** Who there is; connections to those who are gone end. */
  setPeers(peers: readonly PeerAddress[]): void;
  /** Hands over; what does not fit a peer's queue is dropped and the peer reported as unreachable. Flushed by `flush`. */
  send(messages: readonly Message[]): void;
  /** Sends what this turn gave, in one write a peer. */
  flush(): void;
  /** Streams a snapshot beside the messages. Rejects when it did not all arrive. */
  sendSnapshot(send: SnapshotSend): Promise<void>;
  /** Peers with a live connection. */
  connected(): readonly MemberId[];
  close(): Promise<void>;
}
