import { once } from 'node:events';
import { createWriteStream, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { Bench, hashed, testTimeoutMs } from './harness.ts';

const vega = (name: string): string =>
  fileURLToPath(new URL(`../../../../node_modules/vega-datasets/data/${name}`, import.meta.url));
const pass = { use: 'filter', with: { where: 'true' } } as const;

describe('formats', function () {
  this.timeout(testTimeoutMs);

  it('reads a JSON array, over several lines, and writes one', async () => {
    using bench = new Bench();
    writeFileSync(bench.path('in.json'), '\ufeff [\n {"a": 1,\n  "b": [1,\n2]},\n"x" , 3\n]\n');
    const spec = bench.spec({
      ...pass,
      inputs: [bench.file('in.json', 'json')],
      outputs: [bench.file('out.ndjson'), bench.file('out.json', 'json')],
    });
    const { result } = await bench.run(spec);
    expect(result).to.deep.include({ ok: true });
    expect(bench.read('out.ndjson')).to.equal('{"a": 1,   "b": [1, 2]}\n"x"\n3\n');
    expect(JSON.parse(bench.read('out.json'))).to.deep.equal([{ a: 1, b: [1, 2] }, 'x', 3]);
  });

  for (const [text, message] of [
    ['{"a":1}', 'not a JSON array (for one record a line, say format: ndjson) at byte 0'],
    ['[{"a":1},{"a":2', 'the file ends within the array at byte 15'],
    ['[{"a":1},{"a":}]', 'no JSON value begins so at byte 14'],
    ['[1 2]', 'a comma or ] is missing at byte 3'],
    ['\u0001\u0002garbage', 'not a JSON array (for one record a line, say format: ndjson) at byte 0'],
  ] as const)
    it(`says where the array ${JSON.stringify(text)} breaks`, async () => {
      using bench = new Bench();
      writeFileSync(bench.path('in.json'), text);
      const { result, code } = await bench.run(bench.spec({ ...pass, inputs: [bench.file('in.json', 'json')] }));
      expect(result).to.deep.include({ ok: false, reason: 'DecodeFailed', message: `file://data/in.json: ${message}` });
      expect(code).to.equal(1);
    });

  for (const format of ['ndjson', 'json', 'csv', 'text'] as const)
    it(`takes an empty ${format} file for no records`, async () => {
      using bench = new Bench();
      writeFileSync(bench.path('in'), '');
      const { result } = await bench.run(
        bench.spec({ ...pass, inputs: [bench.file('in', format)], outputs: [bench.file('out', format)] }),
      );
      expect(result).to.deep.include({ ok: true });
      expect(bench.read('out')).to.equal(format === 'json' ? '[]\n' : '');
    });

  it('leaves out what is too large or too deep, in an array too', async () => {
    using bench = new Bench();
    const big = `{"t":"${'x'.repeat(3_000_000)}"}`;
    const deep = `${'['.repeat(200)}${']'.repeat(200)}`;
    writeFileSync(bench.path('in.json'), `[{"a":1},${big},${deep},{"a":2}]`);
    writeFileSync(bench.path('in.ndjson'), `{"a":1}\n${big}\n${deep}\n{"a":2}\n`);
    for (const [name, format] of [
      ['in.json', 'json'],
      ['in.ndjson', 'ndjson'],
    ] as const) {
      const { result } = await bench.run(bench.spec({ ...pass, inputs: [bench.file(name, format)] }));
      expect(result?.counters).to.deep.include({ recordsIn: 4, recordsOut: 2, recordsRejected: 2 });
      expect(bench.read('out.ndjson')).to.equal('{"a":1}\n{"a":2}\n');
    }
    const letters = bench.lines('dead.ndjson') as {
      code: string;
      originalBytes?: number;
      original: string;
      reason: string;
    }[];
    expect(
      letters.map(({ code, original, originalBytes, reason }) => [code, original.length, originalBytes, reason]),
    ).to.deep.equal([
      ['too_large', 1024, 3_000_008, 'the record has 3000008 bytes, at most 1048576 are allowed'],
      ['too_deep', 400, undefined, 'nested deeper than 128'],
      ['too_large', 1024, 3_000_008, 'the record has 3000008 bytes, at most 1048576 are allowed'],
      ['too_deep', 400, undefined, 'nested deeper than 128'],
    ]);
  });

  it('reads CSV as the contract types it, and says what is wrong with a row', async () => {
    using bench = new Bench();
    writeFileSync(
      bench.path('in.csv'),
      '\ufeffn,t,b,m\r\n1,"a ""q"", é",true,\r\n2.5,x\r\nz,,no,3\n4,"two\nlines",FALSE,1e2\n5,a"b,true,\n',
    );
    const contract = hashed({
      name: 'c',
      version: '1.0.0',
      mode: 'closed',
      schema: {
        type: 'object',
        properties: {
          n: { type: 'integer' },
          t: { type: 'string' },
          b: { type: 'boolean' },
          m: { type: ['number', 'null'] },
        },
      },
    });
    const { result } = await bench.run(
      bench.spec({
        ...pass,
        inputs: [{ ...bench.file('in.csv', 'csv'), contract }],
        outputs: [bench.file('out.ndjson'), bench.file('out.csv', 'csv')],
      }),
    );
    expect(result).to.deep.include({ ok: true });
    expect(bench.lines('out.ndjson')).to.deep.equal([
      { n: 1, t: 'a "q", é', b: true, m: null },
      { n: 4, t: 'two\nlines', b: false, m: 100 },
    ]);
    expect(bench.read('out.csv')).to.equal('n,t,b,m\n1,"a ""q"", é",true,\n4,"two\nlines",false,100\n');
    const letters = bench.lines('dead.ndjson') as { code: string; offset: number; reason: string; original: string }[];
    expect(letters.map(({ code, offset, reason }) => [code, offset, reason])).to.deep.equal([
      ['decode', 2, 'the row has 2 cells, the header has 4'],
      ['decode', 5, 'Invalid Opening Quote: a quote is found on field 1 at line 7, value is "a"'],
      ['wrong_type', 3, 'expected integer, got string "z"'],
    ]);
  });

  it('fails on a quote that is never closed, in constant memory', async () => {
    using bench = new Bench();
    writeFileSync(bench.path('in.csv'), `a,b\n1,"open\n${'2,3\n'.repeat(500_000)}`);
    const { result } = await bench.run(bench.spec({ ...pass, inputs: [bench.file('in.csv', 'csv')] }));
    expect(result).to.deep.include({
      ok: false,
      reason: 'DecodeFailed',
      message: 'file://data/in.csv: record 1 is longer than 1048576 bytes; is a quote not closed?',
    });
  });

  it('reads and writes text', async () => {
    using bench = new Bench();
    writeFileSync(bench.path('in.txt'), 'one\n\n  two \r\nthree');
    const { result } = await bench.run(
      bench.spec({
        ...pass,
        inputs: [bench.file('in.txt', 'text')],
        outputs: [bench.file('out.ndjson'), bench.file('out.txt', 'text')],
      }),
    );
    expect(result).to.deep.include({ ok: true });
    expect(bench.lines('out.ndjson')).to.deep.equal([
      { text: 'one' },
      { text: '' },
      { text: '  two ' },
      { text: 'three' },
    ]);
    expect(bench.read('out.txt')).to.equal('one\n\n  two \nthree\n');
  });

  it('passes the bytes of a program to a text sink as they come', async () => {
    using bench = new Bench();
    writeFileSync(bench.path('in.ndjson'), '{"a":1}\n');
    const command = ['printf', '%s', 'A report\r\n\r\n\tno line end'];
    const { result } = await bench.run(
      bench.spec({ use: 'exec', with: { command }, outputs: [bench.file('out.txt', 'text')] }),
    );
    expect(result).to.deep.include({ ok: true });
    expect(bench.read('out.txt')).to.equal('A report\r\n\r\n\tno line end');
  });

  it('refuses a CSV sink a field that its header lacks', async () => {
    using bench = new Bench();
    writeFileSync(bench.path('in.ndjson'), '{"a":1,"b":2}\n{"b":3}\n{"a":1,"c":2}\n');
    const { result } = await bench.run(bench.spec({ ...pass, outputs: [bench.file('out.csv', 'csv')] }));
    expect(result).to.deep.include({ ok: false, reason: 'SinkNotWritable' });
    expect(result?.message).to.include('record 3 has the field c, which the first record (the header) lacks');
  });

  it('turns binary garbage into dead letters, and without them fails', async () => {
    using bench = new Bench();
    const garbage = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 251));
    writeFileSync(bench.path('in.ndjson'), garbage);
    const { result } = await bench.run(bench.spec(pass));
    expect(result).to.deep.include({ ok: true });
    expect(result?.counters.recordsOut).to.equal(0);
    expect(result?.counters.recordsRejected).to.equal(result?.counters.recordsIn);
    const bare = bench.spec(pass);
    const failed = await bench.run({ ...bare, deadLetters: undefined });
    expect(failed.result).to.deep.include({ ok: false, reason: 'DecodeFailed' });
    expect(failed.result?.message).to.match(
      /^record at 0 of file:\/\/data\/in.ndjson: decode: .* \(the pipeline has no deadLetters\)$/,
    );
  });

  it('reads the real data sets whole', async () => {
    using bench = new Bench();
    const flights = JSON.parse(readFileSync(vega('flights-20k.json'), 'utf8')) as { delay: number }[];
    const movies = JSON.parse(readFileSync(vega('movies.json'), 'utf8')) as unknown[];
    const input = (name: string, format: 'json' | 'csv') => ({ ...bench.file(name, format), path: vega(name) });
    await bench.run(
      bench.spec({ use: 'filter', with: { where: 'record.delay > 15' }, inputs: [input('flights-20k.json', 'json')] }),
    );
    expect(bench.lines('out.ndjson')).to.deep.equal(flights.filter(({ delay }) => delay > 15));
    await bench.run(bench.spec({ ...pass, inputs: [input('movies.json', 'json')] }));
    expect(bench.lines('out.ndjson')).to.deep.equal(movies);
    await bench.run(bench.spec({ ...pass, inputs: [input('airports.csv', 'csv')] }));
    const airports = bench.lines('out.ndjson');
    expect(airports).to.have.length(3376);
    expect(airports[0]).to.deep.equal({
      iata: '00M',
      name: 'Thigpen',
      city: 'Bay Springs',
      state: 'MS',
      country: 'USA',
      latitude: '31.95376472',
      longitude: '-89.23450472',
    });
    expect(existsSync(bench.path('dead.ndjson')) ? bench.lines('dead.ndjson') : []).to.deep.equal([]);
  });
});

/** Writes a file piece by piece. */
export async function writePieces(path: string, pieces: Iterable<string>): Promise<void> {
  const stream = createWriteStream(path);
  for (const piece of pieces) if (!stream.write(piece)) await once(stream, 'drain');
  stream.end();
  await finished(stream);
}
