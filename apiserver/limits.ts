/** The named bounds of the API; what happens at each stands beside it. */
export interface ApiLimits {
  /** Longer bodies: 413. */
  readonly bodyBytesMax: number;
  /** JSON nested deeper: 400. */
  readonly depthMax: number;
  /** A request whose headers take longer: the connection closes. */
  readonly headersTimeoutMs: number;
  /** A request whose body takes longer: 408 and the connection closes. */
  readonly requestTimeoutMs: number;
  /** More watches at a time: 429. */
  readonly watchersMax: number;
  /** More bytes of events wait for one watcher: its connection closes, and its client resumes. */
  readonly watchBufferBytesMax: number;
  /** A watcher that takes nothing for so long: its connection closes. */
  readonly watchStallMsMax: number;
  /** How often a watch that asked for bookmarks gets one, if the store has moved. */
  readonly bookmarkIntervalMs: number;
  /** A watch without timeoutSeconds ends after this, or up to twice this. */
  readonly watchTimeoutMsMin: number;
  /** Keys read from the store at a time by a list. */
  readonly listChunk: number;
  /** A read that may not be older than a version which this server has not got yet waits so long: 504. */
  readonly freshWaitMsMax: number;
  /** How long history is kept, for watches that resume and lists that go on. */
  readonly historyMs: number;
  /** How often a write that lost a race is tried again when its client named no version. */
  readonly conflictRetriesMax: number;
  /** Connections at a time: further ones are refused. */
  readonly connectionsMax: number;
}

/** The limits unless a test sets others. */
export const defaultLimits: ApiLimits = {
  bodyBytesMax: 3 * 1024 * 1024,
  depthMax: 128,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  watchersMax: 12_000,
  watchBufferBytesMax: 1024 * 1024,
  watchStallMsMax: 60_000,
  bookmarkIntervalMs: 10_000,
  watchTimeoutMsMin: 1_800_000,
  listChunk: 1_000,
  freshWaitMsMax: 3_000,
  historyMs: 600_000,
  conflictRetriesMax: 8,
  connectionsMax: 16_000,
};
