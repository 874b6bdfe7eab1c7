// What members ask one another beside Raft's messages, as JSON: who is there (at start), and a change of the members (of
// the leader, who alone knows who has caught up).
import { BarnError, type BarnReason } from '../barn.ts';
import type { MemberId } from '../raft/protocol.ts';
import type { MemberRecord } from '../state/machine.ts';
import { memberRecord } from '../state/member-record.ts';

/** A question. */
export type Question =
  /** `id` is 0 for one that does not know its own yet. */
  | { readonly kind: 'hello'; readonly id: MemberId }
  /** The change in base64, as the core encodes it. */
  | { readonly kind: 'change'; readonly change: string };

/** What the answer to a hello says. */
export interface Greeting {
  readonly members: readonly MemberRecord[];
  /** Whether the one who asked has run before, as far as this member knows. */
  readonly hasRun: boolean;
  /** The command format that the group writes, as far as this member knows. */
  readonly format: number;
}

/** What came of a change: proposed, or why not. */
export type ChangeAnswer =
  | { readonly done: true }
  | { readonly done: false; readonly reason: BarnReason; readonly message: string };

/** The bytes of a question or an answer. */
export function encodeSaying(saying: Question | Greeting | ChangeAnswer): Uint8Array {
  return Buffer.from(JSON.stringify(saying));
}

/** Reads a question. Errors: Membership for one that this version does not know. */
export function decodeQuestion(bytes: Uint8Array): Question {
  const { kind, id, change } = fieldsOf(bytes);
  if (kind === 'hello' && typeof id === 'number') return { kind, id };
  if (kind === 'change' && typeof change === 'string') return { kind, change };
  throw new BarnError('Membership', 'a peer asked what this version does not know');
}

/** Reads the answer to a hello. Errors: Membership. */
export function decodeGreeting(bytes: Uint8Array): Greeting {
  const { members, hasRun, format } = fieldsOf(bytes);
  if (!Array.isArray(members) || typeof hasRun !== 'boolean' || typeof format !== 'number')
    throw new BarnError('Membership', 'a peer answered what this version does not know');
  return { members: members.map(memberRecord), hasRun, format };
}

/** Reads the answer to a change. Errors: Membership. */
export function decodeChangeAnswer(bytes: Uint8Array): ChangeAnswer {
  const { done, reason, message } = fieldsOf(bytes);
  if (done === true) return { done };
  return { done: false, reason: reason === 'NoLeader' ? reason : 'Membership', message: String(message) };
}

function fieldsOf(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString());
  } catch (cause) {
    throw new BarnError('Membership', 'a peer said what is not JSON', { cause });
  }
  return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
}
