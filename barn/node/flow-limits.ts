const MiB = 1024 * 1024;

/** How much may be under way, in bytes where nothing else is said. */
export interface FlowLimits {
  /** One append to a peer. */
  readonly messageBytesMax: number;
  /** Appends to a peer without an answer. */
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  /** Committed entries on their way to the state side; more wait in the log. */
  readonly applyingBytesMax: number;
  /** Proposals that are not committed; more wait in the queue. */
  readonly uncommittedBytesMax: number;
}

/** The bounds of a member whose owner names no others. */
export const productFlow: FlowLimits = {
  messageBytesMax: MiB,
  inflightMessagesMax: 256,
  inflightBytesMax: 32 * MiB,
  applyingBytesMax: MiB,
  uncommittedBytesMax: 64 * MiB,
};
