// Elections: pre-vote, vote, and the shortcut of a transfer (Raft, 5.2; thesis, 3.10 and 9.6).
import { assert } from '../../base/index.ts';
import { isConfChange } from './conf-change.ts';
import type { Message, MessageType } from './protocol.ts';
import type { Raft } from './raft.ts';
import { becomeCandidate, becomePreCandidate } from './roles.ts';

/** Why a member campaigns. */
export type Campaign = 'pre-election' | 'election' | 'transfer';

/** In a vote request: the leader itself asked for this election, so its lease does not stand against it. */
const transferContext = new TextEncoder().encode('transfer');

/** Begins an election, if this member may. */
export function campaign(raft: Raft, why: Campaign): void {
  if (raft.role === 'StateLeader') return;
  if (!raft.isPromotable) {
    raft.trace?.(`${raft.id} is unpromotable and can not campaign`);
    return;
  }
  // Its configuration may be an old one: with it, two majorities without a common member are possible.
  if (hasUnappliedConfChange(raft)) {
    raft.trace?.(`${raft.id} cannot campaign at term ${raft.term}: changes of the configuration are not applied yet`);
    return;
  }
  raft.trace?.(`${raft.id} starts an election at term ${raft.term}`);
  requestVotes(raft, why);
}

/** Becomes a candidate of the kind that `why` needs and asks all voters, itself through its disk. */
export function requestVotes(raft: Raft, why: Campaign): void {
  const isPre = why === 'pre-election';
  if (isPre) becomePreCandidate(raft);
  else becomeCandidate(raft);
  // A pre-vote asks for the term that would come; the own one stays.
  const term = isPre ? raft.term + 1 : raft.term;
  assert(Number.isSafeInteger(term), 'terms are used up');
  const request: MessageType = isPre ? 'MsgPreVote' : 'MsgVote';
  const lastIndex = raft.log.lastIndex();
  const lastTerm = raft.log.lastTerm();
  for (const id of raft.tracker.voters) {
    const message = raft.draft(id === raft.id ? voteResponse(request) : request, id);
    message.term = term;
    if (id !== raft.id) {
      message.index = lastIndex;
      message.logTerm = lastTerm;
      if (why === 'transfer') message.context = transferContext;
    }
    raft.send(message);
  }
}

/** The answer to a vote request. */
export function voteResponse(request: MessageType): MessageType {
  return request === 'MsgPreVote' ? 'MsgPreVoteResp' : 'MsgVoteResp';
}

/** Whether the leader asked for this election. */
export function isTransfer(request: Message): boolean {
  const { context } = request;
  return context?.length === transferContext.length && context.every((byte, i) => byte === transferContext[i]);
}

function hasUnappliedConfChange(raft: Raft): boolean {
  const { log } = raft;
  const high = log.committed + 1;
  let low = log.applied + 1;
  while (low < high) {
    const entries = log.slice(low, high, log.applyingBytesMax);
    assert(entries !== undefined && entries.length > 0, `entry ${low} is committed, not applied and gone`);
    if (entries.some(isConfChange)) return true;
    low += entries.length;
  }
  return false;
}
