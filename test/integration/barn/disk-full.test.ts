// One member on a disk of its own that has not a byte left: where a write fails it ends with a message that says what to do, it
// says so too when it cannot start, and has everything it acknowledged once there is room.
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { expectReason } from '../../../barn/conformance/support.ts';
import { BarnError, openEmbeddedBarn, type ReplicatedBarn } from '../../../barn/index.ts';
import { type Clock, silentLog, systemClock } from '../../../base/index.ts';
import { SmallDisk } from '../../support/barn-process/small-disk.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const diskBytes = 48 * MiB;
const deadlineMs = 60_000;
const advice = 'the disk is full: make room on it, then start again; nothing that was acknowledged is lost';

describe('barn: a member and a disk without a byte left', function () {
  this.timeout(120_000);
  let folder: string;
  let disk: SmallDisk;
  let failures: BarnError[];
  let opened: ReplicatedBarn[];
  /** While time stands still the member does not look at its disk, and its state is not written. */
  let stoppedMs: number | undefined;
  const clock: Clock = {
    now: () => systemClock.now(),
    monotonicMs: () => stoppedMs ?? systemClock.monotonicMs(),
    after: (...given) => systemClock.after(...given),
  };
  const stopTime = (): void => void (stoppedMs = systemClock.monotonicMs());
  const goOn = (): void => void (stoppedMs = undefined);

  before(function () {
    if (process.getuid?.() !== 0) this.skip();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runink-full-'));
    disk = await SmallDisk.open(join(folder, 'disk'), diskBytes);
    failures = [];
    opened = [];
    goOn();
  });
  afterEach(async () => {
    for (const barn of opened ?? []) await barn.close();
    await disk?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('ends when its log cannot be written, and goes on once there is room', async () => {
    const limits = { segmentBytes: 16 * KiB };
    const barn = await open(limits);
    await put(barn, 'kept', 100);
    stopTime();
    await disk.fill();
    const refused: unknown = await put(barn, 'big', MiB).catch((error: unknown) => error);
    if (!(refused instanceof BarnError)) expect.fail('it was put');
    expect(refused.reason).to.equal('Storage');
    expect(refused.message)
      .to.match(/^append to the log: .*\/wal\/.*: ENOSPC: no space left on device/)
      .and.to.contain(advice);
    expect(failures.map(({ message }) => message)).to.deep.equal([refused.message]);
    // Never again: what a failed write left nobody knows.
    await disk.free();
    await expectReason(put(barn, 'more', 1), 'Storage');
    await barn.close();
    goOn();

    await disk.fill();
    const start: unknown = await open(limits).catch((error: unknown) => error);
    expect(start).to.be.instanceOf(BarnError);
    expect(String(start))
      .to.match(/open the store in .*: .*No space left on device/)
      .and.to.contain(advice);
    await disk.free();
    await holds(limits, { kept: 100 });
  });

  it('ends when its state cannot follow, and has what its log had room for', async () => {
    const limits = { segmentBytes: 4 * MiB };
    const barn = await open(limits);
    await put(barn, 'first', 1_100 * KiB);
    // Until a segment has come that was made ahead.
    await until(async () => {
      await put(barn, 'second', KiB);
      return (await largest('wal', '.wal')) >= limits.segmentBytes;
    });
    stopTime();
    await disk.fill();
    // Its segment of the log has its room on disk already; what its state writes has not.
    await put(barn, 'third', 500 * KiB);
    expect(failures).to.deep.equal([]);
    goOn();
    await until(async () => failures.length > 0);
    expect(failures[0]?.message)
      .to.match(/^write the state: .*\.log: No space left on device/)
      .and.to.contain(advice);
    await barn.close();
    await disk.free();
    await holds(limits, { first: 1_100 * KiB, second: KiB, third: 500 * KiB });
  });

  it('does not begin there, and begins once there is room', async () => {
    const limits = { segmentBytes: 16 * KiB };
    await disk.fill();
    const start: unknown = await open(limits).catch((error: unknown) => error);
    expect(start).to.be.instanceOf(BarnError);
    expect(String(start)).to.contain(advice);
    await disk.free();
    await holds(limits, {});
  });

  async function open(diskLimits: { readonly segmentBytes?: number }): Promise<ReplicatedBarn> {
    const barn = await openEmbeddedBarn({
      ...{ directory: join(disk.path, 'data'), name: 'one', clock, log: silentLog },
      diskLimits: { lagBytesMax: MiB, ...diskLimits },
      onFailed: (error) => void failures.push(error),
    });
    opened.push(barn);
    return barn;
  }

  const put = (barn: ReplicatedBarn, key: string, bytes: number) =>
    barn.txn([], [{ do: 'put', key, value: new Uint8Array(bytes).fill(7) }]);

  /** Starts again, and finds these values of so many bytes, and that more can be put. */
  async function holds(limits: { readonly segmentBytes?: number }, expected: Record<string, number>): Promise<void> {
    const barn = await open(limits);
    for (const [key, bytes] of Object.entries(expected))
      expect((await barn.range(key)).items[0]?.value.byteLength, key).to.equal(bytes);
    for (const alarm of (await barn.status()).alarms) await barn.disarm(alarm);
    expect((await put(barn, 'again', 1)).succeeded).to.equal(true);
    await barn.close();
  }

  async function largest(part: string, ending: string): Promise<number> {
    const directory = join(disk.path, 'data', part);
    const names = (await readdir(directory)).filter((name) => name.endsWith(ending));
    // What was released meanwhile has no size.
    const sizes = names.map((name) =>
      stat(join(directory, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
    return Math.max(0, ...(await Promise.all(sizes)));
  }
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error('not in time');
    await pause(20);
  }
}
