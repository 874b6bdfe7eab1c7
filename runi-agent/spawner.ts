// The third narrow waist, seen from the agent: a process and its streams. Two twins: the privileged helper (full
// isolation) and plain child processes (`--isolation=none`, only when typed).
import type { Observable } from 'rxjs';

/** One place for a process on this node: unique for the agent's life, `[a-z0-9-]{1,40}`. */
export type Slot = string;

/** Where a stream of the slice's first process leads: nowhere, to the slot's log, or to a file or FIFO as the slice sees it. */
export type StdioTarget = 'null' | 'log' | { readonly path: string };

/** What the kernel holds a slice to. */
export interface SlotLimits {
  readonly memoryBytesMax: number;
  /** Thousandths of one cpu. */
  readonly cpuMillis: number;
  readonly pidsMax: number;
}

/** What a slice gets; everything it gets is a path (ARCHITECTURE §6). Names are resolved by the spawner, never paths of the host. */
export interface LaunchRequest {
  readonly slot: Slot;
  readonly herdUid: string;
  /** argv[0] is absolute in the slice's view. */
  readonly argv: readonly string[];
  /** The whole environment of the slice: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: StdioTarget;
  readonly stdout: StdioTarget;
  readonly limits: SlotLimits;
  /** Volumes seen read-only at /data/NAME. */
  readonly volumes: readonly string[];
  /** Staging directories seen read-write at /stage/VOLUME; slots of one group attempt share an id (`[a-z0-9-]{1,63}`). */
  readonly staging: readonly StagingRef[];
  /** Edge ids (`[a-z0-9-]{1,63}`), unique per run, edge and attempt, seen as FIFOs /in/N and /out/N in this order. */
  readonly edgesIn: readonly string[];
  readonly edgesOut: readonly string[];
  /** Files below /run/secrets, `NAME/KEY`; ≤ 1 MiB together. The caller wipes its buffers after launch resolves. */
  readonly secrets: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  /** SHA-256 of a bundle that lies unpacked at `<agent directory>/bundles/<hash>`, seen read-only at /step. */
  readonly bundle?: string;
  /** An `exec` step sees a full, masked /proc; others only their processes. */
  readonly fullProc: boolean;
}

/** A staging folder of a volume, shared by the slices of one group attempt. */
export interface StagingRef {
  readonly herdUid: string;
  readonly volume: string;
  readonly id: string;
}

/** Published in the order given; repeating it is harmless (a missing staged file whose target is there is success). */
export interface PublishRequest {
  readonly staging: StagingRef;
  /** `staged`: a plain file name in the staging directory; `target`: a relative path in the volume, directories are made. */
  readonly files: readonly { readonly staged: string; readonly target: string }[];
}

/** A slot's end: every process in it is gone and its group is removed. */
export interface SlotExit {
  readonly slot: Slot;
  /** Of the slice's first process; null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: number | null;
  readonly oomKilled: boolean;
  readonly memoryPeakBytes: number;
  readonly cpuMs: number;
  /** How often the pids limit refused a fork. */
  readonly pidsRefused: number;
  /** How many cpu periods were throttled. */
  readonly cpuThrottled: number;
}

/** Where a slice sees what it was given. With full isolation constant; without isolation below a folder of its own. */
export interface SliceView {
  data(volume: string): string;
  stage(volume: string): string;
  edgeIn(index: number): string;
  edgeOut(index: number): string;
  readonly step: string;
  readonly secrets: string;
  readonly controlSocket: string;
  /** Absolute paths of node and of the slice program as the slice sees them. */
  readonly node: string;
  readonly program: string;
  readonly tmp: string;
}

/** Starts, kills and cleans up slices. Errors: SpawnError. Two twins, isolated and plain, pass one suite. */
export interface Spawner {
  readonly isolation: 'full' | 'none';
  view(slot: Slot): SliceView;
  /** The directory (of the agent) in which the slot's control.sock must listen before launch. */
  agentDirectory(slot: Slot): string;
  /** The directory (of the agent) in which bundles lie unpacked, each in a folder named by its SHA-256. */
  readonly bundles: string;
  /** Resolves when the first process runs; rejects with SpawnError (nothing is left of it). */
  launch(request: LaunchRequest): Promise<{ readonly pid: number }>;
  /** Kills every process of the slot; its exit follows on `exits$`. An unknown slot is no error. */
  kill(slot: Slot): Promise<void>;
  readonly exits$: Observable<SlotExit>;
  publish(request: PublishRequest): Promise<void>;
  /** Deletes a staging directory; a missing one is no error. */
  discard(staging: StagingRef): Promise<void>;
  /** Volumes this node offers to the herd, with whether sinks may write there. */
  volumes(herdUid: string): readonly { readonly name: string; readonly writable: boolean }[];
  /** Everything this node offers; herd `*`: to every herd. */
  readonly offers: readonly { readonly herd: string; readonly name: string; readonly writable: boolean }[];
  /** Completes when the spawner is gone; then every slot is. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

/** Why a spawner did not do what was asked. */
export type SpawnReason = 'Refused' | 'NotFound' | 'Invalid' | 'Kernel' | 'Gone';

/** Branch on `reason`; the message says what was tried on what, in words fit for a Slice's status. */
export class SpawnError extends Error {
  override readonly name = 'SpawnError';
  readonly reason: SpawnReason;

  constructor(reason: SpawnReason, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}
