import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { RunningCounters } from '../../../runi-slice/counters.ts';
import type { InputSpec, OutputSpec } from '../../../runi-slice/protocol/index.ts';
import { openPipeOutput } from '../../../runi-slice/sinks/edge-output.ts';
import { Bench, testTimeoutMs } from './harness.ts';

const pass = { use: 'filter', with: { where: 'true' } } as const;
const lines = (count: number): string =>
  Array.from({ length: count }, (_, i) => `{"i":${i},"t":"some text to fill it"}\n`).join('');

function edgeIn(bench: Bench, name: string, framed = true): InputSpec {
  return { kind: 'edge', name, path: bench.path(name), framed };
}

function edgeOut(bench: Bench, name: string, framed = true): OutputSpec {
  return { kind: 'edge', path: bench.path(name), framed };
}

describe('slices joined by pipes', function () {
  this.timeout(testTimeoutMs);

  it('pass every record on, in order', async () => {
    using bench = new Bench();
    bench.fifo('a');
    bench.fifo('b');
    writeFileSync(bench.path('in.ndjson'), lines(50_000));
    const all = await Promise.all([
      bench.run(bench.spec({ ...pass, step: 'one', outputs: [edgeOut(bench, 'a')] })),
      bench.run(
        bench.spec({
          use: 'derive',
          with: { fields: { j: 'record.i + 1' } },
          step: 'two',
          inputs: [edgeIn(bench, 'a')],
          outputs: [edgeOut(bench, 'b')],
        }),
      ),
      bench.run(bench.spec({ use: 'project', with: { fields: ['j'] }, step: 'three', inputs: [edgeIn(bench, 'b')] })),
    ]);
    expect(all.map(({ result }) => result?.message)).to.deep.equal(['', '', '']);
    expect(bench.read('out.ndjson')).to.equal(Array.from({ length: 50_000 }, (_, i) => `{"j":${i + 1}}\n`).join(''));
    expect(all[1]?.result?.counters).to.deep.include({ recordsIn: 50_000, recordsOut: 50_000 });
  });

  it('feed a native program and read one', async () => {
    using bench = new Bench();
    bench.fifo('a');
    bench.fifo('b');
    writeFileSync(bench.path('in.ndjson'), lines(10_000));
    const native = spawn('sh', ['-c', `exec cat < "$0" > "$1"`, bench.path('a'), bench.path('b')]);
    const [first, last] = await Promise.all([
      bench.run(bench.spec({ ...pass, outputs: [edgeOut(bench, 'a', false)] })),
      bench.run(bench.spec({ ...pass, inputs: [edgeIn(bench, 'b', false)] })),
    ]);
    if (native.exitCode === null) await once(native, 'exit');
    expect([first.result?.message, last.result?.message]).to.deep.equal(['', '']);
    expect(bench.read('out.ndjson')).to.equal(lines(10_000));
  });

  it('let a native program stop reading early', async () => {
    using bench = new Bench();
    bench.fifo('a');
    writeFileSync(bench.path('in.ndjson'), lines(100_000));
    const native = spawn('sh', ['-c', 'head -n 1 < "$0"', bench.path('a')]);
    const { result } = await bench.run(bench.spec({ ...pass, outputs: [edgeOut(bench, 'a', false)] }));
    native.kill();
    expect(result).to.deep.include({ ok: true });
    expect(result?.counters.recordsIn).to.equal(100_000);
  });

  it('read several inputs as they come', async () => {
    using bench = new Bench();
    for (const name of ['a', 'b']) bench.fifo(name);
    writeFileSync(bench.path('in.ndjson'), lines(5_000));
    const all = await Promise.all([
      bench.run(
        bench.spec({ ...pass, outputs: [edgeOut(bench, 'a'), edgeOut(bench, 'b'), bench.file('copy.ndjson')] }),
      ),
      bench.run(
        bench.spec({
          use: 'aggregate',
          with: { values: { n: 'count()', s: 'sum(record.i)' } },
          inputs: [edgeIn(bench, 'a'), edgeIn(bench, 'b'), bench.file('in.ndjson')],
        }),
      ),
    ]);
    expect(all.map(({ result }) => result?.message)).to.deep.equal(['', '']);
    expect(bench.lines('out.ndjson')).to.deep.equal([{ n: 15_000, s: (3 * 5_000 * 4_999) / 2 }]);
    expect(bench.read('copy.ndjson')).to.equal(lines(5_000));
  });

  it('do not deadlock where paths meet again in a join', async () => {
    using bench = new Bench();
    for (const name of ['probe', 'all', 'build']) bench.fifo(name);
    writeFileSync(bench.path('in.ndjson'), lines(50_000));
    const all = await Promise.all([
      bench.run(bench.spec({ ...pass, step: 'source', outputs: [edgeOut(bench, 'probe'), edgeOut(bench, 'all')] })),
      // The build side gives nothing before it has seen all.
      bench.run(
        bench.spec({
          use: 'aggregate',
          step: 'last',
          with: { by: ['t'], values: { most: 'max(record.i)' } },
          inputs: [edgeIn(bench, 'all')],
          outputs: [edgeOut(bench, 'build')],
        }),
      ),
      bench.run(
        bench.spec({
          use: 'join',
          step: 'join',
          with: { kind: 'inner', on: 'probe.i == build.most' },
          inputs: [edgeIn(bench, 'probe'), edgeIn(bench, 'build')],
        }),
      ),
    ]);
    expect(all.map(({ result }) => result?.message)).to.deep.equal(['', '', '']);
    expect(bench.read('out.ndjson')).to.equal(
      '{"i":49999,"t":"some text to fill it","build_t":"some text to fill it","most":49999}\n',
    );
  });

  it('wait for a slow reader and hold little', async () => {
    using bench = new Bench();
    bench.fifo('a');
    writeFileSync(bench.path('in.ndjson'), lines(400_000));
    const slice = await bench.start(bench.spec({ ...pass, outputs: [edgeOut(bench, 'a')] }));
    const reader = createReadStream(bench.path('a'));
    await once(reader, 'readable');
    await until(() => (slice.counters.at(-1)?.recordsIn ?? 0) > 10_000);
    const stuck = slice.counters.length;
    await until(
      () => slice.counters.length === stuck || slice.counters.at(-1)?.recordsIn === slice.counters.at(-2)?.recordsIn,
      1500,
    );
    // Eight chunks of 256 KiB, what the pipe holds, and what the reader has read.
    expect(slice.counters.at(-1)?.bytesIn).to.be.below(4 * 1024 * 1024);
    reader.resume();
    const { result } = await slice.ended;
    expect(result?.counters.recordsOut).to.equal(400_000);
  });

  it('say that the reader is gone', async () => {
    using bench = new Bench();
    bench.fifo('a');
    writeFileSync(bench.path('in.ndjson'), lines(400_000));
    const slice = await bench.start(bench.spec({ ...pass, outputs: [edgeOut(bench, 'a')] }));
    const reader = spawn('sh', ['-c', 'head -c 100000 < "$0" > /dev/null', bench.path('a')]);
    await once(reader, 'exit');
    const { result, code } = await slice.ended;
    expect(result).to.deep.include({ ok: false, reason: 'DownstreamFailed' });
    expect(code).to.equal(1);
  });

  it('say that the writer is gone, and pass on why it failed', async () => {
    using bench = new Bench();
    bench.fifo('a');
    const slice = await bench.start(bench.spec({ ...pass, inputs: [edgeIn(bench, 'a')] }));
    createWriteStream(bench.path('a')).end(Buffer.from([1, 0, 0, 0]));
    const cut = await slice.ended;
    expect(cut.result).to.deep.include({
      ok: false,
      reason: 'UpstreamFailed',
      message: 'input a: it closed before its end: the step that writes it failed',
    });

    bench.fifo('b');
    writeFileSync(bench.path('in.ndjson'), `${lines(10)}nonsense\n`);
    const { deadLetters: _, ...bare } = bench.spec({ ...pass, step: 'first', outputs: [edgeOut(bench, 'b')] });
    const [first, second] = await Promise.all([
      bench.run(bare),
      bench.run(bench.spec({ ...pass, inputs: [edgeIn(bench, 'b')] })),
    ]);
    expect(first.result).to.deep.include({ ok: false, reason: 'DecodeFailed' });
    expect(second.result?.reason).to.equal('UpstreamFailed');
    expect(second.result?.message).to.match(
      /^input b: first failed: record at 350 of file:\/\/data\/in.ndjson: decode/,
    );
  });

  it('share one file of dead letters, whole letters only', async () => {
    using bench = new Bench();
    writeFileSync(
      bench.path('in.ndjson'),
      Array.from({ length: 5_000 }, (_, i) => `bad ${i} ${'x'.repeat(i % 500)}\n`).join(''),
    );
    const all = await Promise.all(
      ['one', 'two', 'three'].map((step) =>
        bench.run(bench.spec({ ...pass, step, outputs: [bench.file(`${step}.ndjson`)] })),
      ),
    );
    expect(all.map(({ result }) => result?.counters.recordsRejected)).to.deep.equal([5_000, 5_000, 5_000]);
    const letters = bench.lines('dead.ndjson') as { id: string; step: string }[];
    expect(letters).to.have.length(15_000);
    expect(new Set(letters.map(({ id }) => id)).size).to.equal(15_000);
    expect(letters[0]).to.have.all.keys(
      'id',
      'run',
      'pipeline',
      'step',
      'slice',
      'herd',
      'contract',
      'schemaHash',
      'source',
      'offset',
      'code',
      'path',
      'reason',
      'attempts',
      'firstTime',
      'lastTime',
      'original',
    );
  });
});

describe('a slice that is told to end', function () {
  this.timeout(testTimeoutMs);

  it('ends when it is cancelled, wherever it waits', async () => {
    using bench = new Bench();
    for (const name of ['in', 'out', 'quiet']) bench.fifo(name);
    writeFileSync(bench.path('in.ndjson'), lines(10));
    // One that waits for a writer, one for a reader to open, one for its program.
    const waiting = [
      await bench.start(bench.spec({ ...pass, inputs: [edgeIn(bench, 'in')] })),
      await bench.start(bench.spec({ ...pass, outputs: [edgeOut(bench, 'out')] })),
      await bench.start(bench.spec({ use: 'exec', with: { command: ['sleep', '1000'] }, outputs: [bench.file('x')] })),
    ];
    for (const slice of waiting) {
      await until(() => slice.said.hello);
      slice.cancel();
    }
    for (const slice of waiting) {
      const { result, code } = await slice.ended;
      expect(result).to.deep.include({ ok: false, reason: 'Cancelled', message: 'the slice was cancelled' });
      expect(code).to.equal(1);
    }
  });

  it('lets a writer go whose reader will not come, also when it was told before it began to wait', async () => {
    using bench = new Bench();
    bench.fifo('out');
    const output = await openPipeOutput(bench.path('out'), true, new RunningCounters(), AbortSignal.abort());
    await output.abort('cancelled');
  });

  it('ends when its agent is gone', async () => {
    using bench = new Bench();
    bench.fifo('in');
    const slice = await bench.start(bench.spec({ ...pass, inputs: [edgeIn(bench, 'in')] }));
    await until(() => slice.said.hello);
    slice.abandon();
    expect((await slice.ended).code).to.equal(1);
  });
});

async function until(condition: () => boolean, timeoutMs = 20_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!condition() && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 10));
}
