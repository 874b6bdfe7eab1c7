/** Why a transport could not do what it was asked. */
export type TransportReason =
  /** The transport was closed. */
  | 'Closed'
  /** No address is known for the member. */
  | 'UnknownPeer'
  /** The peer answered and does not want it; the message says why. */
  | 'Refused'
  /** No connection came about, or it broke. */
  | 'Unreachable'
  /** A snapshot is already on its way to the peer. */
  | 'Busy'
  /** Bytes that no peer of a known version writes. */
  | 'Malformed'
  /** The own certificate, key or authority cannot be used. */
  | 'Credentials'
  /** The address cannot be listened on. */
  | 'Listen';

/** Branch on `reason`. */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  readonly reason: TransportReason;

  constructor(reason: TransportReason, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}
