// Three members upgraded one by one under load, to a program that knows one command format more: made of this one by a patch.
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { present, seededRandom } from '../../../base/index.ts';
import { History } from '../../sim/history.ts';
import { linearize } from '../../sim/linearizability.ts';
import type { RemoteBarn } from '../../support/barn-process/client.ts';
import { MemberGroup, memberProgram } from '../../support/barn-process/group.ts';
import { patchedCopy } from '../../support/patched-copy.ts';
import { runClient } from './load.ts';
import { GroupObserver } from './observer.ts';

const names = ['m1', 'm2', 'm3'] as const;
const newerFormat = 'test/integration/barn/newer-format.patch';

describe('barn: members that know different formats', function () {
  this.timeout(300_000);
  let group: MemberGroup;
  let observer: GroupObserver;
  let scratch: string | undefined;
  let newer: string;

  before(async function () {
    if (process.getuid?.() !== 0) this.skip();
    scratch = await mkdtemp(join(tmpdir(), 'runink-newer-'));
    await patchedCopy({ root: process.cwd(), scratch, rooms: ['base', 'barn', 'test/support'], patch: newerFormat });
    newer = join(scratch, 'dist/test/support/barn-process/member.js');
    group = await MemberGroup.found(names);
    observer = new GroupObserver(group);
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') console.log(await observer.lastWords());
  });
  after(async () => {
    await group?.close();
    if (scratch !== undefined) await rm(scratch, { recursive: true, force: true });
  });

  it('write the lowest under load, whatever is upgraded and set back, and the newer once all know it', async () => {
    const seed = randomInt(2 ** 31);
    const history = new History();
    const stop = new AbortController();
    const running = [1, 2].map((number) =>
      runClient(`c${number}`, group, history, seededRandom(seed + number), stop.signal),
    );
    try {
      await observer.writesGoOn();
      // What it had not yet in its state it reads from the log that the older version wrote.
      await group.kill('m1');
      await restart('m1', newer);
      await all({ m1: [1, 2], m2: [1, 1], m3: [1, 1] });
      await restart('m1', memberProgram);
      // Its disk is a new one: it gets the snapshot that an older version makes.
      await group.stop('m2');
      await admitAnew('m2', newer);
      await all({ m1: [1, 1], m2: [1, 2], m3: [1, 1] });
      await restart('m1', newer);
      await all({ m1: [1, 2], m2: [1, 2], m3: [1, 1] });

      await restart('m3', newer);
      await all({ m1: [2, 2], m2: [2, 2], m3: [2, 2] });
      await observer.writesGoOn();
    } finally {
      stop.abort();
      await Promise.allSettled(running);
    }
    await Promise.all(running);
    const found = linearize(history.calls);
    if ('rule' in found) expect.fail(`seed ${seed}: ${found.what}`);
    console.log(`    seed ${seed}: ${history.calls.length} calls, ${found.states.length - 1} revisions`);
    await observer.allEqual();
  });

  it('refuse an older version once the newer format is written, also one that joins', async () => {
    const why = 'has command format 2, and this version of Runink knows up to 1: start the newer version here';
    await group.stop('m3');
    group.runs('m3', memberProgram);
    await observer.refusesToStart('m3', new RegExp(`the store ${why}`));
    await observer.until(async () => (await written('m1', 'k')) !== undefined || undefined);

    await forget('m3');
    await observer.refusesToStart('m3', new RegExp(`start member m3: the group of m[12] ${why}`));
    group.runs('m3', newer);
    await group.start('m3');
    await promote('m3');
    await observer.allEqual();
  });

  /** Stops a member, if it runs, and starts it with a program; resolves when writes go on. */
  async function restart(name: string, program: string): Promise<void> {
    await group.stop(name);
    group.runs(name, program);
    await group.start(name);
    await observer.writesGoOn();
  }

  /** Resolves when all members say so: the format that is written, and the newest that they know. */
  async function all(expected: Readonly<Record<(typeof names)[number], readonly [number, number]>>): Promise<void> {
    for (const name of names)
      await observer.until(async () => {
        const { format } = present(await observer.status(name), name);
        const [writes, knows] = expected[name];
        return (format?.written === writes && format.known === knows) || undefined;
      });
  }

  async function asked<T>(name: string, ask: (barn: RemoteBarn) => Promise<T>): Promise<T> {
    const barn = await group.connect(name);
    try {
      return await ask(barn);
    } finally {
      await barn.close();
    }
  }

  const written = (name: string, key: string): Promise<number> =>
    asked(name, (barn) => barn.put(key, new Uint8Array(Buffer.from('after'))));

  async function idOf(barn: RemoteBarn, name: string): Promise<number> {
    const found = (await barn.members()).find((member) => member.name === name);
    return present(found, name).id;
  }

  /** Takes a member that does not run out of the group and adds it as a new one, with an empty disk. */
  async function forget(name: string): Promise<void> {
    await observer.until(() =>
      asked('m1', async (barn) => {
        if ((await barn.members()).some((member) => member.name === name)) await barn.remove(await idOf(barn, name));
        return await barn.addLearner(name, group.peerUrl(name));
      }),
    );
    await group.wipe(name);
    group.joins(name);
  }

  const promote = (name: string): Promise<unknown> =>
    observer.until(() => asked('m1', async (barn) => barn.promote(await idOf(barn, name))));

  async function admitAnew(name: string, program: string): Promise<void> {
    await forget(name);
    group.runs(name, program);
    await group.start(name);
    await promote(name);
  }
});
