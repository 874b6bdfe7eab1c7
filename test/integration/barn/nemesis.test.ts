// Three members in processes of their own, under load, while a nemesis kills, pauses, cuts them off and fills their disks: what clients saw is held
// against one store that does one thing at a time, and what watchers were told against what all were told in the end.
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import type { WatchBatch } from '../../../barn/index.ts';
import { present, seededRandom } from '../../../base/index.ts';
import { History } from '../../sim/history.ts';
import { linearize } from '../../sim/linearizability.ts';
import type { RemoteBarn } from '../../support/barn-process/client.ts';
import { MemberGroup } from '../../support/barn-process/group.ts';
import { runClient } from './load.ts';
import { GroupObserver } from './observer.ts';

const names = ['m1', 'm2', 'm3'] as const;
const KiB = 1024;
const disks = {
  bytes: 64 * KiB * KiB,
  limits: { segmentBytes: 256 * KiB, keptBytes: KiB * KiB, lagBytesMax: KiB * KiB },
};
const lookMs = 50;
const wiped = /lost its disk|has run before|not know/;

describe('barn: three members and a nemesis', function () {
  this.timeout(480_000);
  let group: MemberGroup;
  let observer: GroupObserver;

  before(async function () {
    if (process.getuid?.() !== 0) this.skip();
    group = await MemberGroup.found(names, disks);
    observer = new GroupObserver(group);
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') console.log(await observer.lastWords());
  });
  after(() => group?.close());

  it('stays one store through kills, pauses, cuts, full disks and a restart of all', async () => {
    const seed = randomInt(2 ** 31);
    const history = new History();
    const stop = new AbortController();
    const streams = new Map<string, WatchBatch[]>();
    const running = [
      ...[1, 2, 3, 4].map((number) =>
        runClient(`c${number}`, group, history, seededRandom(seed + number), stop.signal),
      ),
      ...names.map(async (name) => streams.set(name, await follow(name, stop.signal))),
    ];
    try {
      await observer.writesGoOn();
      for (const [strike, heal] of faults()) {
        const victim = await observer.leader();
        await strike(victim);
        await observer.writesGoOn();
        await heal(victim);
        await observer.writesGoOn();
      }
      await Promise.all(names.map((name) => group.kill(name)));
      await Promise.all(names.map((name) => group.start(name)));
      await observer.writesGoOn();
    } finally {
      stop.abort();
      await Promise.allSettled(running);
    }
    await Promise.all(running);

    const found = linearize(history.calls);
    if ('rule' in found) expect.fail(`seed ${seed}: ${found.what}`);
    const done = history.calls.filter(({ answer }) => answer.kind === 'txn' || answer.kind === 'range').length;
    console.log(
      `    seed ${seed}: ${history.calls.length} calls, ${done} answered, ${found.states.length - 1} revisions`,
    );
    await observer.allEqual();
    const truth = await told(names[0]);
    for (const [name, batches] of streams)
      expect(batches, `what ${name} told`).to.deep.equal(truth.slice(0, batches.length));
  });

  it('takes a member whose disk was lost back only through a change of the members', async () => {
    await group.kill('m3');
    await group.wipe('m3');
    await observer.refusesToStart('m3', wiped);
    group.joins('m3');
    await observer.refusesToStart('m3', wiped);

    const admin = await group.connect('m1');
    const lost = present(
      (await admin.members()).find(({ name }) => name === 'm3'),
      'm3',
    );
    await observer.until(async () => {
      await admin.remove(lost.id);
      return true;
    });
    await observer.until(() => admin.addLearner('m3', group.peerUrl('m3')));
    // What the refused starts began belongs to the member that was lost.
    await group.wipe('m3');
    await group.start('m3');
    const added = present(
      (await admin.members()).find(({ name }) => name === 'm3'),
      'm3',
    );
    expect(added.id).not.to.equal(lost.id);
    await observer.until(() => admin.promote(added.id));
    await admin.close();
    await observer.allEqual();
  });

  /** What is done to the leader, and how it is undone. */
  function faults(): readonly (readonly [(name: string) => Promise<void>, (name: string) => Promise<void>])[] {
    const pauses = async (name: string): Promise<void> => group.pause(name);
    const resumes = async (name: string): Promise<void> => group.resume(name);
    const cutsOff = async (name: string): Promise<void> => group.network.isolate(name);
    const heals = async (): Promise<void> => group.network.heal();
    const mutes = async (name: string): Promise<void> => {
      for (const other of names) if (other !== name) group.network.cut(name, other);
    };
    return [
      [(name) => group.kill(name), (name) => group.start(name)],
      [pauses, resumes],
      [cutsOff, heals],
      [mutes, heals],
      [(name) => group.kill(other(name)), (name) => group.start(other(name))],
      [(name) => fillsDisk(name), async () => undefined],
      [(name) => fillsDisk(other(name)), async () => undefined],
    ];
  }

  /** Leaves not a byte, until the member has ended or the group refuses; then makes room as the runbook says. */
  async function fillsDisk(name: string): Promise<void> {
    await group.disk(name).fill();
    await observer.until(async () => {
      const alarms = (await observer.status(other(name)))?.alarms ?? [];
      return alarms.length > 0 || !group.isUp(name) || undefined;
    });
    await group.disk(name).free();
    await observer.until(async () => {
      if (!group.isUp(name)) await group.start(name);
      await observer.disarm();
      const all = await Promise.all(names.map((member) => observer.status(member)));
      return all.every((one) => one?.alarms.length === 0) || undefined;
    });
  }

  const other = (name: string): string => present(names[(names.indexOf(name as 'm1') + 1) % names.length], 'another');

  /** All events from the first revision on, as a member tells them; after a break the stream goes on where it was. */
  async function follow(name: string, signal: AbortSignal): Promise<WatchBatch[]> {
    const batches: WatchBatch[] = [];
    const ended = new Promise<undefined>((resolve) => signal.addEventListener('abort', () => resolve(undefined)));
    while (!signal.aborted) {
      const barn = await group.connect(name).catch(() => undefined);
      if (barn === undefined) {
        await pause(lookMs);
        continue;
      }
      await read(barn, batches, ended).catch(() => undefined);
      await barn.close();
    }
    return batches;
  }

  async function read(barn: RemoteBarn, batches: WatchBatch[], ended: Promise<undefined>): Promise<void> {
    const from = (batches.at(-1)?.revision ?? 0) + 1;
    const watch = await Promise.race([barn.watch('', '\x7f', from), ended]);
    if (watch === undefined) return;
    for (;;) {
      const next = await Promise.race([watch.next(), ended]);
      if (next === undefined || next.done === true) return;
      batches.push(next.value);
    }
  }

  /** What a member tells of all there was, up to now. */
  async function told(name: string): Promise<readonly WatchBatch[]> {
    const barn = await group.connect(name);
    const { revision } = await barn.status();
    const batches: WatchBatch[] = [];
    for await (const batch of await barn.watch('', '\x7f', 1)) {
      batches.push(batch);
      if (batch.revision >= revision) break;
    }
    await barn.close();
    return batches;
  }
});
