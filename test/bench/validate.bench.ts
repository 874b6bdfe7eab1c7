// `validate` on real records, one in a hundred made bad, from file to file: the slice as it is shipped against Node's streams,
// JSON.parse and ajv. Both are whole processes, from start to exit, alternating.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { schemaHash } from '../../lang/contracts/index.ts';
import { Bench } from '../integration/slice/harness.ts';
import { beside, median, type Row, timed } from './row.ts';
import { flightSchema } from './validate-schema.ts';

const rounds = 5;
const repeats = 5;
const timeoutMs = 60_000;

/** records/s of validate, of the data set's 200,000 records and of five times as many. */
export async function bench(): Promise<readonly Row[]> {
  using bench = new Bench();
  const data = new URL('../../../node_modules/vega-datasets/data/flights-200k.json', import.meta.url);
  const flights: unknown = JSON.parse(readFileSync(data, 'utf8'));
  if (!Array.isArray(flights)) throw new Error('flights-200k.json is no array');
  const lines = flights
    .map((flight, index) => `${JSON.stringify(index % 100 === 0 ? { ...Object(flight), delay: 'late' } : flight)}\n`)
    .join('');
  writeFileSync(bench.path('in.ndjson'), lines);
  writeFileSync(bench.path('long.ndjson'), lines.repeat(repeats));
  return [
    await compare(bench, 'in.ndjson', flights.length),
    await compare(bench, 'long.ndjson', flights.length * repeats),
  ];
}

async function compare(bench: Bench, name: string, records: number): Promise<Row> {
  const ours: number[] = [];
  const peers: number[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(await timed(() => runSlice(bench, name)));
    peers.push(await timed(() => runPeer(bench, name)));
  }
  const rate = (times: readonly number[]): number => (records * 1000) / median(times);
  return beside(
    `validate ${records} records, start to exit`,
    rate(ours),
    'records/s',
    'streams + JSON.parse + ajv',
    rate(peers),
  );
}

async function runSlice(bench: Bench, name: string): Promise<void> {
  const shape = { name: 'flight', version: '1.0.0', mode: 'closed', schema: flightSchema } as const;
  const contract = { ...shape, schemaHash: schemaHash(shape) };
  const spec = bench.spec({ use: 'validate', contract, inputs: [bench.file(name)] });
  const { result } = await bench.run(spec, { timeoutMs });
  if (result?.ok !== true || result.counters.recordsRejected < 2000)
    throw new Error(`the slice did not do its work: ${result?.message ?? 'no result'}`);
}

async function runPeer(bench: Bench, name: string): Promise<void> {
  const peer = fileURLToPath(new URL('./validate-peer.js', import.meta.url));
  const child = spawn(
    process.execPath,
    [peer, bench.path(name), bench.path('peer.ndjson'), bench.path('peer-dead.ndjson')],
    { stdio: 'inherit' },
  );
  await once(child, 'exit');
  if (child.exitCode !== 0) throw new Error('the peer failed');
}
