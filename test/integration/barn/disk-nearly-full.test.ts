// Three members on small disks of their own: what one disk has no room for the group refuses, before anything fails, and what
// makes room goes on. A member whose disk is wholly full ends, or does not take a snapshot, and comes back as the others are.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { type BarnAlarm, BarnError, type BarnReason } from '../../../barn/index.ts';
import { present } from '../../../base/index.ts';
import type { RemoteBarn } from '../../support/barn-process/client.ts';
import { MemberGroup } from '../../support/barn-process/group.ts';
import { GroupObserver } from './observer.ts';

const names = ['m1', 'm2', 'm3'] as const;
const KiB = 1024;
const MiB = 1024 * KiB;
const disks = {
  bytes: 64 * MiB,
  limits: {
    ...{ segmentBytes: 256 * KiB, keptEntries: 100, keptBytes: 256 * KiB, stepEntries: 20 },
    lagBytesMax: MiB,
  },
};
/** Another leader may be chosen at any time on a slow machine. */
const passing: readonly BarnReason[] = ['NoLeader', 'Unknown', 'Overloaded'];
const full = /the disk is full: make room on it, then start again/;

describe('barn: three members and disks that become full', function () {
  this.timeout(300_000);
  let group: MemberGroup;
  let observer: GroupObserver;
  const acknowledged = new Map<string, number>();

  before(function () {
    if (process.getuid?.() !== 0) this.skip();
  });
  // New disks for each: what a former test left on them is part of the reserve.
  beforeEach(async () => {
    group = await MemberGroup.found(names, disks);
    observer = new GroupObserver(group);
    acknowledged.clear();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed')
      for (const name of names) console.log(readFileSync(join(group.folder, `${name}.log`), 'utf8').slice(-3_000));
    await group.close();
  });

  it('refuses puts at every member while one disk is nearly full, through a restart of all, and nothing else', async () => {
    await put('m1', 'a', KiB);
    await put('m1', 'b', KiB);
    const short = await follower();
    const id = await idOf(short);
    await group.disk(short).fill(10 * MiB);
    await alarms([id]);
    for (const name of names) {
      const error = await refused(name);
      expect(error.reason).to.equal('NoSpace');
      expect(error.message).to.equal(
        `etcdserver: mvcc: database space exceeded: the disk of member ${short} (${id.toString(16)}) is nearly full; reads and deletes go on, and puts do once there is room on it and the alarm is disarmed`,
      );
    }
    await Promise.all(names.map((name) => group.kill(name)));
    await Promise.all(names.map((name) => group.start(name)));
    await observer.leader();
    await alarms([id]);
    expect((await refused('m2')).reason).to.equal('NoSpace');
    const deleted = await on('m3', (barn) => barn.txn([], [{ do: 'delete', key: 'b' }]));
    acknowledged.delete('b');
    expect((await on('m1', (barn) => barn.range('', '\x7f'))).items.map(({ key }) => key)).to.deep.equal(['a']);
    await on('m2', (barn) => barn.compact(deleted.revision));

    const raised = async (): Promise<number> => (await logOf(short)).split('disk nearly full').length - 1;
    const before = await raised();
    await observer.disarm();
    await observer.until(async () => (await raised()) > before || undefined);
    await alarms([id]);
    await group.disk(short).free();
    await allClear();
    for (const name of names) await put(name, `after/${name}`, KiB);
    await observer.allEqual();
  });

  it('refuses before a write fails, and a compaction makes the room that was used', async () => {
    const leader = await observer.leader();
    const value = randomBytes(200 * KiB);
    const reasons = new Set<string>();
    await on(leader, async (barn) => {
      while (reasons.size === 0) {
        const puts = Array.from({ length: 8 }, () => barn.put('large', value));
        for (const put of await Promise.allSettled(puts))
          if (put.status === 'rejected') reasons.add(reasonOf(put.reason));
        for (const reason of passing) reasons.delete(reason);
      }
    });
    expect([...reasons]).to.deep.equal(['NoSpace']);
    for (const name of names) expect(group.isUp(name), name).to.equal(true);
    const { revision } = await on(leader, (barn) => barn.txn([], [{ do: 'delete', key: 'large' }]));
    await on(leader, (barn) => barn.compact(revision));
    await observer.until(async () => {
      const all = await Promise.all(names.map((name) => observer.status(name)));
      return all.every((one) => one?.disk && one.disk.freeBytes > one.disk.reserveBytes) || undefined;
    });
    await allClear();
    for (const name of names) await put(name, `after/${name}`, 2 * KiB);
    await observer.allEqual();
  });

  it('loses a member to a disk without a byte left, gets it back once there is room, and no write', async () => {
    const short = await follower();
    const other = present(
      names.find((name) => name !== short),
      'another',
    );
    group.pause(short);
    await group.disk(short).fill();
    group.resume(short);
    const stopped = observer.until(async () => !group.isUp(short) || undefined);
    await writeUntil(other, stopped);
    await stopped;
    expect(await logOf(short)).to.match(full);
    await group.disk(short).fill();
    await observer.refusesToStart(short, full);

    await group.disk(short).free();
    await group.start(short);
    await allClear();
    await put(other, 'after/all', KiB);
    await observer.allEqual();
    await allThere(short);
  });

  it('does not take a snapshot that it has no room for, and takes it once it has', async () => {
    const short = await follower();
    const others = names.filter((name) => name !== short);
    const newest = (await segments(others)).at(-1) ?? '';
    group.network.isolate(short);
    // Some segments more, and then until the others' logs have let go of what this one lacks, which follows the syncs of their
    // states. With no more than that: their disks are small too, and the reserve grows with what is kept.
    const goBy = (bytes: number): Promise<unknown> =>
      Promise.all(Array.from({ length: 30 }, (_, number) => put(others[0] ?? '', `gone-by/${number}`, bytes)));
    for (let round = 0; round < 10; round++) await goBy(4 * KiB);
    for (let oldest = ''; oldest <= newest; oldest = (await segments(others))[0] ?? '') {
      await goBy(1);
      await pause(200);
    }
    await group.disk(short).fill(6 * MiB);
    group.network.heal();
    await observer.until(async () => {
      // It gives back what it can.
      await group.disk(short).fill(6 * MiB);
      return /install a snapshot: it needs/.test(await logOf(short)) || undefined;
    });
    expect(group.isUp(short)).to.equal(true);
    await group.disk(short).free();
    await allClear();
    await observer.allEqual();
    await allThere(short);
  });

  /** Does something that may be done twice; again when leadership moved meanwhile. */
  async function on<T>(name: string, work: (barn: RemoteBarn) => Promise<T>): Promise<T> {
    for (;;) {
      const barn = await group.connect(name);
      try {
        return await work(barn);
      } catch (error) {
        if (!(error instanceof BarnError && passing.includes(error.reason))) throw error;
      } finally {
        await barn.close();
      }
    }
  }

  async function put(name: string, key: string, bytes: number): Promise<void> {
    acknowledged.set(key, await on(name, (barn) => barn.put(key, new Uint8Array(bytes))));
  }

  async function refused(name: string): Promise<BarnError> {
    const error: unknown = await put(name, 'refused', 1).catch((cause: unknown) => cause);
    if (error instanceof BarnError) return error;
    throw new Error(`${name} took a put`);
  }

  /** The segments of the logs of some members, oldest first. */
  async function segments(of: readonly string[]): Promise<readonly string[]> {
    const all = await Promise.all(of.map((name) => readdir(join(group.disk(name).path, 'data', 'wal'))));
    return all
      .flat()
      .filter((file) => file.endsWith('.wal'))
      .sort();
  }

  /** Writes until that has happened; takes back the alarm that stands against it. */
  async function writeUntil(name: string, ended: Promise<unknown>): Promise<void> {
    let isOver = false;
    ended.finally(() => (isOver = true)).catch(() => undefined);
    for (let number = 0; !isOver; number++) {
      await put(name, `meanwhile/${number % 10}`, KiB).catch((error: unknown) => {
        if (reasonOf(error) !== 'NoSpace') throw error;
        return observer.disarm();
      });
    }
  }

  /** All that was acknowledged is there, as this member tells it by itself. */
  async function allThere(name: string): Promise<void> {
    const { items } = await on(name, (barn) => barn.range('', '\x7f', { serializable: true }));
    const found = new Map(items.map(({ key, modRevision }) => [key, modRevision]));
    for (const [key, revision] of acknowledged) expect(found.get(key) ?? 0, key).to.be.at.least(revision);
  }

  async function follower(): Promise<string> {
    const leader = await observer.leader();
    return present(
      names.find((name) => name !== leader),
      'a follower',
    );
  }

  const idOf = async (name: string): Promise<number> =>
    present((await observer.until(() => observer.status(name))).raft?.id, 'its number');

  /** Resolves when every member knows of NOSPACE of just these. */
  const alarms = (ids: readonly number[]): Promise<boolean> =>
    observer.until(async () => {
      const all = await Promise.all(names.map((name) => observer.status(name)));
      return (
        all.every((one) => spell(one?.alarms) === spell(ids.map((member) => ({ kind: 'NOSPACE', member })))) ||
        undefined
      );
    });

  const spell = (all: readonly BarnAlarm[] | undefined): string | undefined =>
    all?.map(({ kind, member }) => `${kind} ${member}`).join();

  const logOf = (name: string): Promise<string> => readFile(join(group.folder, `${name}.log`), 'utf8');

  /** Disarms until no member knows of an alarm: one that was on its way may come after the first time. */
  const allClear = (): Promise<boolean> =>
    observer.until(async () => {
      await observer.disarm();
      const all = await Promise.all(names.map((name) => observer.status(name)));
      return all.every((one) => one?.alarms.length === 0) || undefined;
    });
});

const reasonOf = (error: unknown): string => (error instanceof BarnError ? error.reason : String(error));
