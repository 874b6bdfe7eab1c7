// Short hands of the suite every twin passes: test support.
import { expect } from 'chai';
import {
  type Barn,
  BarnError,
  type BarnReason,
  type Key,
  type Operation,
  type TxnResult,
  type WatchBatch,
} from '../barn.ts';

/** A key as a twin should give it. */
export function kv(key: Key, text: string, createRevision: number, modRevision: number, version: number): object {
  return { key, value: new Uint8Array(Buffer.from(text)), createRevision, modRevision, version };
}

/** The operation that puts `text`. */
export function putOf(key: Key, text: string): Operation {
  return { do: 'put', key, value: Buffer.from(text) };
}

/** Puts `text` in a transaction of its own. */
export function put(barn: Barn, key: Key, text: string): Promise<TxnResult> {
  return barn.txn([], [putOf(key, text)]);
}

/** Deletes a key in a transaction of its own. */
export function remove(barn: Barn, key: Key): Promise<TxnResult> {
  return barn.txn([], [{ do: 'delete', key }]);
}

/** All keys there are. */
export async function list(barn: Barn): Promise<readonly object[]> {
  return (await barn.range('', '\x7f')).items;
}

/** The keys in [start, end), in the order given. */
export async function keys(barn: Barn, start: Key, end: Key): Promise<readonly Key[]> {
  return (await barn.range(start, end)).items.map(({ key }) => key);
}

/** The next `count` batches of a watch. */
export async function take(
  watch: AsyncIterableIterator<WatchBatch> | undefined,
  count: number,
): Promise<readonly WatchBatch[]> {
  const batches: WatchBatch[] = [];
  while (watch !== undefined && batches.length < count) {
    const result = await watch.next();
    if (result.done === true) throw new Error(`the watch ended after ${batches.length} of ${count} batches`);
    batches.push(result.value);
  }
  return batches;
}

/** A batch as `revision:number of events`. */
export function short({ revision, events }: WatchBatch): string {
  return `${revision}:${events.length}`;
}

/** Whether `promise` settles without anything else happening. */
export async function settledWithin(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

/** Expects a refusal for `reason`. */
export async function expectReason(promise: Promise<unknown>, reason: BarnReason, compactRevision = 0): Promise<void> {
  const outcome = await promise.then(
    () => 'success',
    (error: unknown) => error,
  );
  expect(outcome).to.be.instanceOf(BarnError);
  if (!(outcome instanceof BarnError)) return;
  expect(outcome.reason, outcome.message).to.equal(reason);
  if (compactRevision > 0) expect(outcome.compactRevision).to.equal(compactRevision);
}

/** The chunks as a stream. */
export async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
