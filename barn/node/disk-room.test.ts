import { expect } from 'chai';
import { present } from '../../base/index.ts';
import type { ReplicatedBarn } from '../barn.ts';
import { expectReason } from '../conformance/support.ts';
import { founders, type HeldMember, HeldNetwork, startHeld } from './held-group.ts';

const put = (key: string) => ({ do: 'put', key, value: new Uint8Array(1) }) as const;
const plenty = Number.POSITIVE_INFINITY;

describe('a group one of whose disks is nearly full', function () {
  this.timeout(60_000);
  const freeBytes = [plenty, plenty, plenty];
  let members: readonly HeldMember[];
  let barns: readonly ReplicatedBarn[];

  before(async () => {
    const network = new HeldNetwork();
    members = await Promise.all(
      founders(3).map((identity, at) =>
        startHeld({ network, identity, freeBytes: async () => present(freeBytes[at], 'a disk') }),
      ),
    );
    barns = members.map(({ barn }) => barn);
    await barn(0).txn([], [put('a'), put('b')]);
  });
  after(async () => {
    for (const one of barns) await one.close();
  });

  it('says what is free and what must be', async () => {
    freeBytes[1] = 5_000_000_000;
    const { disk } = await barn(1).status();
    expect(disk?.freeBytes).to.equal(5_000_000_000);
    expect(disk?.reserveBytes).to.be.within(1_000_000, 300_000_000);
  });

  it('refuses puts everywhere without writing them to a log, and goes on with the rest', async () => {
    freeBytes[1] = 1_000_000;
    await untilAlarms('NOSPACE 2');
    const before = (await barn(0).status()).raft?.committed;
    for (const one of barns) {
      await expectReason(one.txn([], [put('c')]), 'NoSpace');
      await expectReason(one.txn([], [{ do: 'delete', key: 'a' }], [put('c')]), 'NoSpace');
    }
    const { message } = await barn(0)
      .txn([], [put('c')])
      .then(
        () => new Error('was put'),
        (error: Error) => error,
      );
    expect(message).to.match(/^etcdserver: mvcc: database space exceeded: the disk of member m2 \(2\) is nearly full/);
    expect((await barn(0).status()).raft?.committed).to.equal(before);
    await barn(2).txn([], [{ do: 'delete', key: 'a' }]);
    expect((await barn(1).range('', '\x7f')).items.map(({ key }) => key)).to.deep.equal(['b']);
    await barn(1).compact(2);
    await until(async () => members.every(({ disk }) => disk.reclaimed > 0));
  });

  it('raises the alarm again while there is no room, and takes puts again once there is', async () => {
    const alarm = { kind: 'NOSPACE', member: 2 } as const;
    await barn(0).disarm(alarm);
    await untilAlarms('NOSPACE 2');
    freeBytes[1] = plenty;
    await barn(0).disarm(alarm);
    await untilAlarms('');
    for (const one of barns) expect((await one.txn([], [put('c')])).succeeded).to.equal(true);
  });

  const barn = (at: number): ReplicatedBarn => present(barns[at], 'a member');

  /** Resolves when all members know of exactly these. */
  const untilAlarms = (expected: string): Promise<void> =>
    until(async () => {
      const told = await Promise.all(barns.map((one) => one.status()));
      return told.every(({ alarms }) => alarms.map(({ kind, member }) => `${kind} ${member}`).join() === expected);
    });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}
