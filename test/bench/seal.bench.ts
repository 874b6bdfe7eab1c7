// What encryption at rest costs: our Barn with a key beside our Barn without, runs alternating, medians of five, the generator of
// `npm run bench barn`. SEAL_BENCH_MEMBERS=3 leaves those of one out.
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { loadavg } from 'node:os';
import { KeyRing } from '../../barn/keys.ts';
import { createSealer } from '../../barn/seal.ts';
import { alternate, compileLoad, type Outcome, run } from './barn-load.ts';
import { type Side, startOurs } from './barn-sides.ts';
import { beside, median, type Row } from './row.ts';

const rounds = 5;
const memberCounts = (process.env['SEAL_BENCH_MEMBERS'] ?? '1,3').split(',').map(Number);
const puts = [
  { clients: 1, valueBytes: 256 },
  { clients: 32, valueBytes: 256 },
  { clients: 256, valueBytes: 256 },
  { clients: 32, valueBytes: 1_024 },
  { clients: 32, valueBytes: 16_000 },
];
const filledKeys = 20_000;
const sizes = [300, 1_100, 16_100];
const timesEach = 20_000;

/** Throughput, latency and server CPU of puts, and the start with a log of many; and how busy the machine was. */
export async function bench(): Promise<readonly Row[]> {
  const { program, folder } = compileLoad();
  try {
    const rows: Row[] = sizes.map(sealed);
    for (const count of memberCounts) {
      const sealed = await startOurs(count, randomBytes(32).toString('base64'));
      try {
        const plain = await startOurs(count);
        try {
          rows.push(...(await compared(program, [sealed, plain], count)));
        } finally {
          await plain.stop();
        }
      } finally {
        await sealed.stop();
      }
    }
    return [...rows, { name: 'load average of the last minute at the end', value: loadavg()[0] ?? 0, unit: '' }];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** CPU, which a busy machine does not change much. A put is sealed twice: with its record of the log, and as a record of the state. */
function sealed(bytes: number): Row {
  const sealer = createSealer(new KeyRing([{ id: 'bench', key: randomBytes(32) }]));
  const record = randomBytes(bytes);
  const cpuUs = (work: () => unknown): number => {
    for (let warm = 0; warm < timesEach / 10; warm++) work();
    const before = process.cpuUsage();
    for (let count = 0; count < timesEach; count++) work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / timesEach;
  };
  const opened = sealer.seal(record, 'here');
  const [seal, unseal] = [() => sealer.seal(record, 'here'), () => sealer.unseal(opened, 'here')].map(cpuUs);
  return beside(`CPU of sealing a record of ${bytes} B`, seal ?? 0, 'µs', 'opening it', unseal ?? 0);
}

async function compared(program: string, sides: readonly [Side, Side], count: number): Promise<readonly Row[]> {
  const group = count === 1 ? '1 member' : `${count} members`;
  const rows: Row[] = [];
  for (const side of sides) await run(program, side, { verb: 'put', clients: 256, seconds: 4 });
  for (const { clients, valueBytes } of puts) {
    const [withKey, without] = await alternate(
      program,
      sides,
      { verb: 'put', clients, seconds: 0.9, valueBytes },
      rounds,
    );
    const row = (name: string, unit: string, of: (outcome: Outcome) => number): Row =>
      beside(name, median(withKey.map(of)), unit, 'without a key', median(without.map(of)));
    rows.push(
      row(`puts of ${valueBytes} B, ${clients} clients, ${group}`, '/s', ({ perSecond }) => perSecond),
      row('  p50', 'ms', ({ p50Us }) => p50Us / 1_000),
      row('  server CPU a put', 'µs', ({ serverUs }) => serverUs),
    );
  }
  for (const side of sides) await run(program, side, { verb: 'fill', clients: 256, seconds: 110, keys: filledKeys });
  const starts: [number[], number[]] = [[], []];
  for (let round = 0; round < 3; round++)
    for (const [at, side] of sides.entries()) starts[at]?.push(await side.restart());
  const name = `start of ${group} killed after ${filledKeys} puts and more`;
  return [...rows, beside(name, median(starts[0]), 'ms', 'without a key', median(starts[1]))];
}
