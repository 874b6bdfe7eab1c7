// What the two sides of a member say to each other: one message a turn and direction, everything of that turn in it. The
// consensus side puts entries before any answer that depends on them, and the state side takes a message in in the order of
// the fields here: so no answer outruns the state.
import type { BarnReason } from '../barn.ts';
import type { StoreKeys } from '../keys.ts';
import type { ConfChange, ConfState, MemberId, Role, Snapshot } from '../raft/protocol.ts';
import type { MemberRecord } from '../state/machine.ts';
import type { PeerCredentials } from '../transport/credentials.ts';
import type { ConsensusCounts } from './counts.ts';
import type { MessagePortLike } from './member.ts';

/** What the state side says. */
export interface ToConsensus {
  /** Only in the first message: where the state stands. */
  readonly begin?: {
    readonly applied: Snapshot;
    readonly members: readonly MemberRecord[];
    readonly format: number;
  };
  /** The group went over to this command format. */
  readonly format?: number;
  /** All that was applied, up to this index. */
  readonly applied?: number;
  /** Up to here the state is on disk: the log may go below. */
  readonly durable?: Snapshot;
  /** Commands in the order of their callers; the first has this number, the others follow. */
  readonly proposals?: { readonly first: number; readonly count: number; readonly bytes: Uint8Array<ArrayBuffer> };
  /** Everybody who wants to read waits for the answer to this number. */
  readonly read?: number;
  readonly asks?: readonly { readonly id: number; readonly ask: Ask }[];
  readonly frames?: readonly StreamFrame[];
  /** Nothing comes after this; answered by `closed`. */
  readonly close?: true;
}

/** What the consensus side says. */
export interface ToReplica {
  /** Only when it changed. */
  readonly standing?: Standing;
  /** The commands up to this number were handed to the group, in this term. */
  readonly proposed?: { readonly upTo: number; readonly term: number };
  /** Committed and durable here. */
  readonly entries?: PackedEntries;
  /** Commands that will not happen. */
  readonly dropped?: readonly Dropped[];
  readonly reads?: readonly { readonly read: number; readonly index: number }[];
  readonly answers?: readonly Answer[];
  readonly streams?: readonly StreamBegin[];
  readonly frames?: readonly StreamFrame[];
  /** The consensus side has ended and will say nothing more. */
  readonly failed?: Failure;
  readonly closed?: true;
}

/** Who leads, as far as this member knows. */
export interface Standing {
  readonly leader: MemberId;
  readonly term: number;
  readonly role: Role;
}

/** Entries in a row; `bytes` as packEntries wrote them. Their data are views of it. */
export interface PackedEntries {
  readonly first: number;
  readonly count: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What each change of the configuration led to. */
  readonly changes: readonly {
    readonly index: number;
    readonly confState: ConfState;
    readonly confChange?: ConfChange;
  }[];
  /** The last index known to be committed, which may be beyond these. */
  readonly committed: number;
  readonly logBytes: number;
  /** The consensus side wants to hear at once that these were applied. */
  readonly isAwaited: boolean;
}

/** The commands from one number to another, both included, for one reason. */
export interface Dropped {
  readonly from: number;
  readonly upTo: number;
  readonly reason: BarnReason;
  readonly message: string;
}

/** A rare thing that the state side wants of the group. */
export type Ask =
  | { readonly kind: 'change'; readonly change: ConfChange }
  | { readonly kind: 'transfer'; readonly to: MemberId }
  | { readonly kind: 'stepDown' }
  | { readonly kind: 'useKeys'; readonly keys: StoreKeys }
  | { readonly kind: 'useCredentials'; readonly credentials: PeerCredentials }
  | { readonly kind: 'counts' };

/** What came of an ask: done (with counts where they were asked for), or why not. */
export type Answer =
  | { readonly id: number; readonly done: true; readonly counts?: ConsensusCounts }
  | { readonly id: number; readonly done: false; readonly reason: BarnReason; readonly message: string };

/** A snapshot that crosses in chunks: made here for a member that lags, or arriving from another to be installed. */
export type StreamBegin =
  | { readonly stream: number; readonly kind: 'make' }
  | { readonly stream: number; readonly kind: 'install' };

/** A part of a stream, or news about it. Who reads gives credit, one for each chunk that may come. */
export type StreamFrame =
  | { readonly stream: number; readonly kind: 'made'; readonly meta: Snapshot }
  | {
      readonly stream: number;
      readonly kind: 'installed';
      readonly meta: Snapshot;
      readonly members: readonly MemberRecord[];
    }
  | { readonly stream: number; readonly kind: 'chunk'; readonly chunk: Uint8Array<ArrayBuffer> }
  | { readonly stream: number; readonly kind: 'end' }
  | { readonly stream: number; readonly kind: 'credit'; readonly count: number }
  /** Whoever says it has given up; the other side lets go. */
  | { readonly stream: number; readonly kind: 'broken'; readonly message: string };

/** An error as it crosses. */
export interface Failure {
  readonly reason: BarnReason;
  readonly message: string;
}

/** One end of the channel, as its side sees it. */
export interface Side<Out, In> {
  post(message: Out, transfer?: readonly ArrayBuffer[]): void;
  onMessage(listener: (message: In) => void): void;
  close(): void;
}

/** The end that the state side holds. Only the two sides of one program meet here, so a message has its type. */
export function replicaSide(port: MessagePortLike): Side<ToConsensus, ToReplica> {
  return side(port);
}

/** The end that the consensus side holds. */
export function consensusSide(port: MessagePortLike): Side<ToReplica, ToConsensus> {
  return side(port);
}

function side<Out, In>(port: MessagePortLike): Side<Out, In> {
  return {
    post: (message, transfer) => port.post(message, transfer),
    onMessage: (listener) => port.onMessage((message) => listener(message as In)),
    close: () => port.close(),
  };
}
