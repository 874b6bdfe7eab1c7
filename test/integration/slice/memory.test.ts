import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { expect } from 'chai';
import { Bench, hashed } from './harness.ts';

const mebibyte = 1024 * 1024;
const timeoutMs = 60_000;
const pass = { use: 'filter', with: { where: 'record.i >= 0' } } as const;

describe('memory of a slice', function () {
  this.timeout(120_000);

  for (const [title, part] of [
    ['filter', pass],
    [
      'validate',
      {
        use: 'validate',
        contract: hashed({
          name: 'c',
          version: '1.0.0',
          mode: 'open',
          schema: { type: 'object', required: ['i'], properties: { i: { type: 'integer' } } },
        }),
      },
    ],
    ['exec', { use: 'exec', with: { command: ['cat'] } }],
  ] as const)
    it(`does not depend on the length of the input (${title})`, async () => {
      const peaks: number[] = [];
      for (const sizeBytes of [100 * mebibyte, 500 * mebibyte]) {
        using bench = new Bench();
        await write(
          bench.path('in.ndjson'),
          sizeBytes,
          (i) => `{"i":${i},"text":"some words to make the record longer"}\n`,
        );
        const spec = bench.spec({
          ...part,
          outputs: [{ kind: 'file', path: '/dev/null', uri: 'file://data/null', format: 'ndjson' }],
        });
        const { result, peakBytes } = await bench.run(spec, { timeoutMs });
        expect(result?.message).to.equal('');
        peaks.push(peakBytes);
      }
      const [short = 0, long = 0] = peaks;
      expect(long / short, `${short} and ${long} bytes`).to.be.below(1.1);
    });

  it('holds neither a record of 200 MB nor an array of 200 MB in one line', async () => {
    const peaks: number[] = [];
    for (const [format, begin, piece, end] of [
      ['ndjson', '{"i":1}\n{"t":"', 'x'.repeat(1000), '"}\n{"i":2}\n'],
      ['json', '[{"i":0}', `,{"i":1,"t":"${'x'.repeat(980)}"}`, ']'],
      ['json', '[{"i":1},{"t":"', 'x'.repeat(1000), '"},{"i":2}]'],
    ] as const) {
      using bench = new Bench();
      await write(bench.path('in'), 200 * mebibyte, (i) => (i === 0 ? begin : piece), end);
      const { result, peakBytes } = await bench.run(bench.spec({ ...pass, inputs: [bench.file('in', format)] }), {
        timeoutMs,
      });
      expect(result?.message).to.equal('');
      const huge = begin.includes('"t"');
      expect(result?.counters.recordsRejected).to.equal(huge ? 1 : 0);
      if (huge) expect(result?.counters.recordsOut).to.equal(2);
      else expect(result?.counters.recordsOut).to.be.above(200_000);
      peaks.push(peakBytes);
    }
    for (const peak of peaks) expect(peak).to.be.below(160 * mebibyte);
  });
});

async function write(path: string, sizeBytes: number, pieceOf: (index: number) => string, end = ''): Promise<void> {
  const stream = createWriteStream(path, { highWaterMark: mebibyte });
  let gathered = '';
  let written = 0;
  for (let index = 0; written < sizeBytes; index++) {
    gathered += pieceOf(index);
    if (gathered.length < mebibyte) continue;
    written += gathered.length;
    if (!stream.write(gathered)) await once(stream, 'drain');
    gathered = '';
  }
  stream.end(gathered + end);
  await finished(stream);
}
