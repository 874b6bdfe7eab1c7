// Ten thousand watchers on one member, which is in another process, through the death of the leader.
import { expect } from 'chai';
import { BarnError, type WatchBatch } from '../../../barn/index.ts';
import { present } from '../../../base/index.ts';
import type { RemoteBarn } from '../../support/barn-process/client.ts';
import { MemberGroup } from '../../support/barn-process/group.ts';

const watchersMax = 10_000;
const writes = 5;
const mebibyte = 1024 * 1024;

describe('barn: ten thousand watchers', function () {
  this.timeout(240_000);
  let group: MemberGroup;
  let member: RemoteBarn;
  let name: string;
  let leader: string;

  before(async function () {
    if (process.getuid?.() !== 0) this.skip();
    group = await MemberGroup.found(['m1', 'm2', 'm3']);
    const first = await group.connect('m1');
    await first.readIndex();
    leader = (await first.status()).leader;
    await first.close();
    name = leader === 'm1' ? 'm2' : 'm1';
    member = await group.connect(name);
  });
  after(async () => {
    await member?.close();
    await group?.close();
  });

  it('miss nothing and get nothing twice through a change of the leader', async () => {
    const from = (await member.readIndex()) + 1;
    const watches = await Promise.all(
      Array.from({ length: watchersMax }, () => member.watch('w/', 'w0', from, { progress: false })),
    );
    const acknowledged: number[] = [];
    for (let index = 0; index < writes; index++) acknowledged.push(await write(`w/${index}`));
    await group.kill(leader);
    for (let index = 0; index < writes; index++) acknowledged.push(await write(`w/${index}`));
    // With those whose answer was lost.
    const expected = await changesSince(from);
    expect(expected).to.include.members(acknowledged);
    for (const watch of watches) {
      const seen: number[] = [];
      while (seen.length < expected.length) seen.push(batchOf(await watch.next()).revision);
      expect(seen).to.deep.equal(expected);
      await watch.return?.();
    }
  });

  it('lose only the one that does not read', async () => {
    const slow = await group.connect(name);
    const from = (await member.readIndex()) + 1;
    const hanging = await slow.watch('s/', 's0', from);
    const brisk = await member.watch('s/', 's0', from);
    slow.stopReading();
    const value = new Uint8Array(mebibyte);
    const expected: number[] = [];
    // More than what waits for one reader, and what the sockets between hold.
    for (let index = 0; index < 48; index++) expected.push(await member.put('s/a', value));
    for (const revision of expected) expect(batchOf(await brisk.next()).revision).to.equal(revision);
    await brisk.return?.();
    slow.goOnReading();
    const seen: number[] = [];
    const error: unknown = await (async () => {
      for await (const { revision } of hanging) seen.push(revision);
    })().catch((cause: unknown) => cause);
    expect(error).to.include({ reason: 'Overrun' });
    expect(seen).to.deep.equal(expected.slice(0, seen.length));
    await slow.close();
  });

  it('begin again at the compacted revision, and not below', async () => {
    const revision = await write('c/1');
    await write('c/2');
    await member.compact(revision);
    const watch = await member.watch('c/', 'c0', revision);
    expect(batchOf(await watch.next()).revision).to.equal(revision);
    await watch.return?.();
    const error: unknown = await member.watch('c/', 'c0', revision - 1).catch((cause: unknown) => cause);
    expect(error).to.include({ reason: 'Compacted' });
  });

  /** The revisions that changed something in w/, up to now, as the values themselves tell. */
  async function changesSince(from: number): Promise<readonly number[]> {
    const newest = await member.readIndex();
    const found: number[] = [];
    for (let revision = from; revision <= newest; revision++) {
      const { items } = await member.range('w/', 'w0', { revision });
      if (items.some(({ modRevision }) => modRevision === revision)) found.push(revision);
    }
    return found;
  }

  /** Puts until it is acknowledged; one whose answer was lost may have been done too. */
  async function write(key: string): Promise<number> {
    for (;;) {
      try {
        return await member.put(key, new Uint8Array([1]));
      } catch (error) {
        if (!(error instanceof BarnError) || !['NoLeader', 'Unknown'].includes(error.reason)) throw error;
      }
    }
  }

  function batchOf(next: IteratorResult<WatchBatch>): WatchBatch {
    return present(next.value, 'a batch');
  }
});
