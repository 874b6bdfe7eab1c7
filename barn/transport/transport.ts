import type { MemberId, Message } from '../raft/protocol.ts';
import type { PeerCredentials } from './credentials.ts';

/** Where a member is found. */
export interface PeerAddress {
  readonly id: MemberId;
  /** Its name in the members' book, which its certificate must bear. */
  readonly name: string;
  /** https://host:port. */
  readonly url: string;
}

/** The data of a snapshot on its way to a member that needs it, with the message that announces it. */
export interface SnapshotSend {
  readonly message: Message;
  /** Read as the way has room. A chunk is sent as it is, without a copy: nobody may change it afterwards. */
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
  /** A question (its bytes are the owner's) from a member or from one that would join; rejects: the asker gets the message. */
  onQuestion(question: Uint8Array): Promise<Uint8Array>;
}

/** A question or an answer has at most so many bytes; more is refused. */
export const questionBytesMax = 256 * 1024;

/**
 * Asks whoever listens at `url` one question, on a connection of its own, within 5 s. The asker shows its certificate and the
 * cluster id, but need not have a member id yet: so one that joins learns its own. Rejects when there was no answer.
 */
export type AskPeer = (url: string, question: Uint8Array) => Promise<Uint8Array>;

/**
 * Messages between members: at most once, never blocking, in order while a connection holds; but where they have to wait,
 * those that carry no entries (all but MsgApp and MsgProp) go first, so that no heartbeat waits behind bulk.
 */
export interface Transport {
  /** Who there is; connections to those who are gone end. The own address may be among them. */
  setPeers(peers: readonly PeerAddress[]): void;
  /**
   * Hands over, to be sent by `flush`. What does not fit a peer's queue, or has no connection to go by, is dropped and the
   * peer reported as unreachable: once, until messages go through again.
   */
  send(messages: readonly Message[]): void;
  /** Sends what this turn gave, in one write a peer. */
  flush(): void;
  /**
   * Streams a snapshot beside the messages, one a peer at a time. Resolves when the peer's `onSnapshot` has; rejects with
   * TransportError (see its reasons) when it did not all arrive or was refused.
   */
  sendSnapshot(send: SnapshotSend): Promise<void>;
  readonly ask: AskPeer;
  /** Credentials for connections from now on; those that stand go on. Errors: TransportError Credentials; the old stay. */
  update(credentials: PeerCredentials): void;
  /** Peers with a live connection. */
  connected(): readonly MemberId[];
  close(): Promise<void>;
}
