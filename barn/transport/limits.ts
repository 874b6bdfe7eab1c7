import type { BackoffOptions } from '../../base/index.ts';

/** The named bounds of a transport; what happens at each stands beside it. Times in milliseconds. */
export interface TransportLimits {
  /** Messages that wait for one peer, of those with entries and of those without; more are dropped. */
  readonly queueMessagesMax: number;
  /** Bytes that wait for one peer, counted likewise; a message that would go beyond is dropped. */
  readonly queueBytesMax: number;
  /** What a socket has not yet given to the kernel; beyond it, messages wait in the queue, where the urgent ones go first. */
  readonly socketBytesMax: number;
  /** A longer frame ends the connection that it came by, and is dropped with an error in the log where it was to be sent. */
  readonly frameBytesMax: number;
  /** A snapshot's chunks are cut to this. */
  readonly chunkBytesMax: number;
  /** Snapshot bytes that wait for the one who takes them in; then the sender has to wait. */
  readonly snapshotBytesMax: number;
  /** Connections that have not said who they are; the oldest one is closed for a newer one. */
  readonly strangersMax: number;
  /** From the first byte to the welcome; who takes longer is closed. */
  readonly handshakeMs: number;
  /** How often a connection says that it lives. */
  readonly pingMs: number;
  /** A connection that has not been heard for so long is closed. */
  readonly idleMs: number;
  /** Between attempts to reach a peer. */
  readonly backoff: BackoffOptions;
}

const KiB = 1024;
const MiB = 1024 * KiB;

/** The bounds of a transport whose owner names no others. */
export const defaultTransportLimits: TransportLimits = {
  queueMessagesMax: 4_096,
  queueBytesMax: 64 * MiB,
  socketBytesMax: MiB,
  frameBytesMax: 64 * MiB,
  chunkBytesMax: 256 * KiB,
  snapshotBytesMax: 4 * MiB,
  strangersMax: 64,
  handshakeMs: 5_000,
  pingMs: 500,
  idleMs: 3_000,
  backoff: { baseMs: 50, capMs: 1_000 },
};
