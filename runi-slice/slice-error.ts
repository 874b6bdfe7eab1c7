/** Why a step failed, in words for its user; `reason` becomes the Slice's status.reason. */
export class SliceError extends Error {
  override readonly name = 'SliceError';
  readonly reason: SliceFailure;

  constructor(reason: SliceFailure, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}

/** Why a slice failed; becomes the reason in its status. */
export type SliceFailure =
  | 'StepFailed'
  | 'ContractViolation'
  | 'SourceNotFound'
  | 'SourceNotReadable'
  | 'SinkNotWritable'
  | 'DecodeFailed'
  | 'InvalidStep'
  | 'UpstreamFailed'
  | 'DownstreamFailed'
  | 'MemoryExceeded'
  | 'Cancelled';

/** The text of whatever was thrown, one line. */
export function messageOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).replace(/\s*\n\s*/g, ' ');
}

/** The `code` of a system error, '' for anything else. */
export function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
}
