// Entries as a log would hand them over. Test support, not part of the door.
import type { Operation } from '../barn.ts';
import { emptyConfState } from '../raft/empty.ts';
import type { ConfState, Entry } from '../raft/protocol.ts';
import { commandFormatFirst, encodeCommand } from './command.ts';
import type { Command, CommittedEntry, Founding, Outcome } from './machine.ts';
import type { TxnRequest } from './transaction.ts';

/** A founding group of one voter. */
export const foundingOfOne: Founding = {
  members: [{ id: 1, name: 'one', peerUrl: 'https://one:1', format: 1 }],
  confState: confStateOf([1]),
};

/** A configuration that is not joint. */
export function confStateOf(voters: readonly number[], learners: readonly number[] = []): ConfState {
  return { ...emptyConfState, voters, learners };
}

/** An entry of term 1 that holds a command. */
export function entryOf(index: number, command: Command): Entry {
  return { term: 1, index, type: 'EntryNormal', data: encodeCommand(command, commandFormatFirst) };
}

/** An entry that holds a transaction; its request number is its index. */
export function txnEntry(index: number, txn: Partial<TxnRequest>): CommittedEntry {
  const { compares = [], success = [], failure = [] } = txn;
  return entryOf(index, { kind: 'txn', origin: { session: 7, request: index }, compares, success, failure });
}

/** An entry that puts one key. */
export function putEntry(index: number, key: string, text: string): CommittedEntry {
  return txnEntry(index, { success: [put(key, text)] });
}

/** An entry that deletes one key. */
export function deleteEntry(index: number, key: string): CommittedEntry {
  return txnEntry(index, { success: [{ do: 'delete', key }] });
}

/** An entry that compacts. */
export function compactEntry(index: number, revision: number): CommittedEntry {
  return entryOf(index, { kind: 'compact', origin: { session: 7, request: index }, revision });
}

/** The operation. */
export function put(key: string, text: string): Operation {
  return { do: 'put', key, value: Buffer.from(text) };
}

/** What came of each command: a revision, a reason, or nothing. */
export function short(outcomes: readonly Outcome[]): readonly (number | string | undefined)[] {
  return outcomes.map(({ result }) =>
    typeof result === 'function' || result === undefined
      ? undefined
      : 'reason' in result
        ? result.reason
        : result.revision,
  );
}
