// The Barn beside Debian's etcd 3.4 with its own defaults: as many members, on one machine, runs alternating, medians of five,
// one compiled generator for both (barn-load.c). BARN_BENCH=full adds 1 KiB everywhere, the long run, and memory and start of
// three; BARN_BENCH_MEMBERS=3 leaves those of one out; BARN_BENCH_PROFILE=DIR makes V8 profiles of our members.
import { rmSync } from 'node:fs';
import { alternate as alternateSides, compileLoad, type Load, type Outcome, run } from './barn-load.ts';
import { pssMegabytes, type Side, startOurs, startTheirs } from './barn-sides.ts';
import { beside, median, type Row } from './row.ts';

const isFull = process.env['BARN_BENCH'] === 'full';
const rounds = 5;
const memberCounts = (process.env['BARN_BENCH_MEMBERS'] ?? '1,3').split(',').map(Number);

interface Pair {
  readonly ours: Side;
  readonly theirs: Side;
}

/** Throughput, latency and CPU; see the rows' names. */
export async function bench(): Promise<readonly Row[]> {
  const { program, folder } = compileLoad();
  try {
    const rows: Row[] = [];
    for (const count of memberCounts) {
      rows.push(...(await withPair(count, (pair) => loads(program, pair, count))));
      if (isFull || count === 1) rows.push(...(await withPair(count, (pair) => sizes(program, pair, count))));
      if (count > 1) rows.push(...(await withPair(count, (pair) => gaps(program, pair))));
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function withPair(count: number, work: (pair: Pair) => Promise<readonly Row[]>): Promise<readonly Row[]> {
  const ours = await startOurs(count);
  try {
    const theirs = await startTheirs(count);
    try {
      return await work({ ours, theirs });
    } finally {
      await theirs.stop();
    }
  } finally {
    await ours.stop();
  }
}

async function loads(program: string, pair: Pair, count: number): Promise<readonly Row[]> {
  const group = count === 1 ? '1 member' : `${count} members`;
  const rows: Row[] = [];
  // Code that has run a thousand times is another program, and a log that has its spare segments another log.
  await both(program, pair, { verb: 'put', clients: 256, seconds: 4 });
  const sizesOfValues = isFull || count > 1 ? [256, 1_024] : [256];
  for (const valueBytes of sizesOfValues) {
    for (const clients of [1, 32, 256]) {
      if (valueBytes > 256 && !isFull && clients !== 32) continue;
      const [ours, theirs] = await alternate(program, pair, { verb: 'put', clients, seconds: 0.9, valueBytes });
      rows.push(...putRows(`puts of ${valueBytes} B, ${clients} clients, ${group}`, ours, theirs));
    }
  }
  if (count === 1 && !isFull) return rows;
  for (const clients of [1, 32, 256]) {
    const [ours, theirs] = await alternate(program, pair, { verb: 'get', clients, seconds: 0.8 });
    rows.push(rate(`linearizable gets, ${clients} clients, ${group}`, ours, theirs));
  }
  await both(program, pair, { verb: 'fill', clients: 64, seconds: 60, keys: 10_000 });
  const ranges = await alternate(program, pair, { verb: 'range', clients: 1, seconds: 1 });
  rows.push(time(`range of 10,000 keys, p50, ${group}`, 'p50Us', ...ranges));
  const watches = await alternate(program, pair, { verb: 'watch', clients: 1_000, seconds: 2 });
  rows.push(time(`write → last of 1,000 watchers, p50, ${group}`, 'p50Us', ...watches));
  rows.push(time(`write → last of 1,000 watchers, p99, ${group}`, 'p99Us', ...watches));
  if (isFull) {
    const [ours, theirs] = await alternate(program, pair, { verb: 'put', clients: 256, seconds: 20 }, 1);
    rows.push(...putRows(`puts of 256 B, 256 clients, 20 s, ${group}`, ours, theirs));
  }
  return rows;
}

/** Memory with 100,000 keys, and the start with that much log. */
async function sizes(program: string, pair: Pair, count: number): Promise<readonly Row[]> {
  await both(program, pair, { verb: 'fill', clients: 256, seconds: 110, keys: 100_000 });
  const rows = [
    beside(
      `memory (PSS) of a member with 100,000 keys of 256 B, ${count} in all`,
      pssMegabytes(pair.ours.pids) / count,
      'MB',
      'etcd',
      pssMegabytes(pair.theirs.pids) / count,
    ),
  ];
  const starts = { ours: [] as number[], theirs: [] as number[] };
  for (let round = 0; round < 3; round++) {
    starts.ours.push(await pair.ours.restart());
    starts.theirs.push(await pair.theirs.restart());
  }
  const name = `start of ${count} killed after 100,000 puts, until all serve`;
  return [...rows, beside(name, median(starts.ours), 'ms', 'etcd', median(starts.theirs))];
}

/** Heartbeat and election of both are etcd's defaults: 100 ms and 1 s. */
async function gaps(program: string, pair: Pair): Promise<readonly Row[]> {
  const gapOf = async (side: Side): Promise<number> => {
    const running = run(program, side, { verb: 'put', clients: 16, seconds: 6, timeoutMs: 300 });
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    const restart = await side.killLeader();
    const { gapMs } = await running;
    await restart();
    return gapMs;
  };
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < (isFull ? rounds : 3); round++) {
    ours.push(await gapOf(pair.ours));
    theirs.push(await gapOf(pair.theirs));
  }
  return [beside('no writes after the leader was killed', median(ours), 'ms', 'etcd, same timers', median(theirs))];
}

function alternate(program: string, { ours, theirs }: Pair, load: Load, times = rounds) {
  return alternateSides(program, [ours, theirs], load, times);
}

async function both(program: string, { ours, theirs }: Pair, load: Load): Promise<void> {
  await run(program, ours, load);
  await run(program, theirs, load);
}

function putRows(name: string, ours: readonly Outcome[], theirs: readonly Outcome[]): readonly Row[] {
  return [
    rate(name, ours, theirs),
    time(`  p50`, 'p50Us', ours, theirs),
    row('  server CPU a put', 'serverUs', 'µs', ours, theirs),
    row('  generator CPU a put', 'generatorUs', 'µs', ours, theirs),
  ];
}

function rate(name: string, ours: readonly Outcome[], theirs: readonly Outcome[]): Row {
  return row(name, 'perSecond', '/s', ours, theirs);
}

function time(name: string, of: 'p50Us' | 'p99Us', ours: readonly Outcome[], theirs: readonly Outcome[]): Row {
  const ms = (outcome: Outcome): number => outcome[of] / 1_000;
  return beside(name, median(ours.map(ms)), 'ms', 'etcd', median(theirs.map(ms)));
}

function row(
  name: string,
  of: 'perSecond' | 'serverUs' | 'generatorUs',
  unit: string,
  ours: readonly Outcome[],
  theirs: readonly Outcome[],
): Row {
  const values = (outcomes: readonly Outcome[]): number => median(outcomes.map((outcome) => outcome[of]));
  return beside(name, values(ours), unit, 'etcd', values(theirs));
}
