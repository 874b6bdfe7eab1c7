import { writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { Bench, testTimeoutMs } from './harness.ts';

describe('a slice from file to file', function () {
  this.timeout(testTimeoutMs);

  it('filters, byte for byte', async () => {
    using bench = new Bench();
    writeFileSync(bench.path('in.ndjson'), '{"delay": 66, "x":"é"}\n\n{"delay":1}\r\n{"delay":16.50}');
    const { result, code, stderr } = await bench.run(
      bench.spec({ use: 'filter', with: { where: 'record.delay > 15' } }),
    );
    expect(result, stderr).to.deep.equal({
      ok: true,
      reason: '',
      message: '',
      counters: { recordsIn: 3, recordsOut: 2, recordsRejected: 0, bytesIn: 53, bytesOut: 40 },
    });
    expect(code).to.equal(0);
    expect(bench.read('out.ndjson')).to.equal('{"delay": 66, "x":"é"}\n{"delay":16.50}\n');
  });

  it('sends what it cannot read to the dead letters', async () => {
    using bench = new Bench();
    writeFileSync(
      bench.path('in.ndjson'),
      Buffer.concat([
        Buffer.from('{"delay":20}\nnot json\n{"nothing":1}\n{"a":"'),
        Buffer.from([0xff, 0xfe]),
        Buffer.from('"}\n'),
      ]),
    );
    const { result, stderr } = await bench.run(bench.spec({ use: 'filter', with: { where: 'record.delay > 15' } }));
    expect(result?.counters, stderr).to.deep.include({ recordsIn: 4, recordsOut: 1, recordsRejected: 3 });
    const letters = bench.lines('dead.ndjson') as { code: string; offset: number; reason: string; original: string }[];
    expect(letters.map(({ code, offset, reason, original }) => ({ code, offset, reason, original }))).to.deep.equal([
      { code: 'decode', offset: 13, reason: 'no JSON value begins so at byte 0 of the record', original: 'not json' },
      { code: 'decode', offset: 36, reason: 'not valid UTF-8', original: 'eyJhIjoi//4ifQ==' },
      {
        code: 'expression',
        offset: 22,
        reason: 'where: No such key: delay (at character 8)',
        original: '{"nothing":1}',
      },
    ]);
  });

  it('passes records through a program', async () => {
    using bench = new Bench();
    writeFileSync(bench.path('in.ndjson'), '{"a":1}\n{"a":2}\n');
    const { result, stderr } = await bench.run(bench.spec({ use: 'exec', with: { command: ['cat'] } }));
    expect(result, stderr).to.deep.include({ ok: true });
    expect(bench.read('out.ndjson')).to.equal('{"a":1}\n{"a":2}\n');
  });

  it('says how a program failed', async () => {
    using bench = new Bench();
    writeFileSync(bench.path('in.ndjson'), '{"a":1}\n'.repeat(100_000));
    const command = ['sh', '-c', 'echo one >&2; echo two >&2; exit 3'];
    const { result, code } = await bench.run(bench.spec({ use: 'exec', with: { command } }));
    expect(result).to.deep.include({ ok: false, reason: 'StepFailed', message: 'sh exited with code 3: two' });
    expect(code).to.equal(1);
  });

  for (const [title, part, reason, message] of [
    [
      'a source that does not exist',
      { inputs: [{ kind: 'file', name: 'in', path: '/nowhere/x', uri: 'file://data/x', format: 'ndjson' }] },
      'SourceNotFound',
      'source file://data/x does not exist',
    ],
    [
      'a sink that cannot be written',
      { outputs: [{ kind: 'file', path: '/nowhere/x', uri: 'file://data/x', format: 'ndjson' }] },
      'SinkNotWritable',
      "open file://data/x: ENOENT: no such file or directory, open '/nowhere/x'",
    ],
    [
      'a program that does not exist',
      { use: 'exec', with: { command: ['no-such-program'] } },
      'StepFailed',
      'no-such-program does not exist in the slice',
    ],
    [
      'an expression that does not compile',
      { with: { where: 'record.' } },
      'InvalidStep',
      'Expected IDENTIFIER, got EOF (at character 8)',
    ],
  ] as const)
    it(`names ${title}`, async () => {
      using bench = new Bench();
      writeFileSync(bench.path('in.ndjson'), '{"a":1}\n');
      const { result, code } = await bench.run(bench.spec({ use: 'filter', with: { where: 'true' }, ...part }));
      expect(result).to.deep.include({ ok: false, reason, message });
      expect(code).to.equal(1);
    });
});
