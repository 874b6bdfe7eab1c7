import { writeFileSync } from 'node:fs';
import { expect } from 'chai';
import type { SliceSpec } from '../../../runi-slice/protocol/index.ts';
import { Bench, hashed, testTimeoutMs } from './harness.ts';

type Case = readonly [
  title: string,
  part: Partial<SliceSpec> & Pick<SliceSpec, 'use'>,
  input: string,
  output: string,
  rejected?: readonly (readonly [code: string, path: string, reason: string])[],
];

const contract = hashed({
  name: 'flight',
  version: '1.0.0',
  mode: 'closed',
  schema: { type: 'object', required: ['delay'], properties: { delay: { type: 'integer' }, x: { type: 'string' } } },
});

describe('steps', function () {
  this.timeout(testTimeoutMs);

  for (const [title, part, input, output, rejected = []] of [
    [
      'project keeps fields in its order',
      { use: 'project', with: { fields: ['b', 'a'] } },
      '{"a":12345678901234567890,"b":{"c":[2]},"x":3}\n{"a":1.0}\n',
      '{"b":{"c":[2]},"a":12345678901234567890}\n{"a":1.0}\n',
    ],
    [
      'project makes fields',
      { use: 'project', with: { fields: { n: 'record.a + 1', p: 'params.p' } }, parameters: { p: 'é' } },
      '{"a":1}\n',
      '{"n":2,"p":"é"}\n',
    ],
    [
      'project refuses what is no object',
      { use: 'project', with: { fields: ['a'] } },
      '1\n',
      '',
      [['wrong_type', '$', 'expected object, got number']],
    ],
    [
      'derive appends to the bytes',
      { use: 'derive', with: { fields: { late: 'record.a > 1' } } },
      '{ "a": 1.0, "big": 12345678901234567890 }\n{}\n',
      '{ "a": 1.0, "big": 12345678901234567890 ,"late":false}\n',
      [['expression', '', 'late: No such key: a (at character 8)']],
    ],
    [
      'derive replaces a field',
      { use: 'derive', with: { fields: { a: 'record.a * 2', b: 'record.a' } } },
      '{"a":2,"c":"x"}\n',
      '{"c":"x","a":4,"b":2}\n',
    ],
    ['derive fills an empty record', { use: 'derive', with: { fields: { a: '1' } } }, '{}\n', '{"a":1}\n'],
    [
      'dedupe keeps the first',
      { use: 'dedupe', with: { by: ['a', 'b'] } },
      '{"a":1,"b":null}\n{"a":1}\n{"a":1,"b":null,"c":1}\n',
      '{"a":1,"b":null}\n{"a":1}\n',
    ],
    [
      'dedupe rejects the others',
      { use: 'dedupe', with: { by: ['a'], reject: true } },
      '{"a":1}\n{"a":1}\n',
      '{"a":1}\n',
      [['duplicate', '$.a', 'an earlier record has the same a']],
    ],
    [
      'validate passes bytes and explains',
      { use: 'validate', contract },
      '{"delay" : 1}\n{"delay":"x"}\n{"delay":1,"y":2}\n{"x":"a"}\n',
      '{"delay" : 1}\n',
      [
        ['wrong_type', '$.delay', 'expected integer, got string "x"'],
        ['extra_field', '$.y', 'field is not in the contract'],
        ['missing_field', '$.delay', 'required field missing'],
      ],
    ],
    [
      'aggregate sorts by key',
      {
        use: 'aggregate',
        with: {
          by: ['h', 'o'],
          values: {
            n: 'count()',
            mean: 'avg(record.d)',
            most: 'max(record.d)',
            least: 'min(record.o)',
            k: 'count(record.d)',
            s: 'sum(record.d)',
          },
        },
      },
      '{"h":10,"o":"b","d":1}\n{"h":9,"o":"a","d":null}\n{"h":10,"o":"a","d":5}\n{"h":10,"o":"b","d":2}\n{"h":9,"o":"a","d":"x"}\n',
      '{"h":9,"o":"a","n":1,"mean":null,"most":null,"least":"a","k":0,"s":null}\n{"h":10,"o":"a","n":1,"mean":5,"most":5,"least":"a","k":1,"s":5}\n{"h":10,"o":"b","n":2,"mean":1.5,"most":2,"least":"b","k":2,"s":3}\n',
      [['expression', '', 'mean: avg needs a number, got "x"']],
    ],
    [
      'aggregate over nothing',
      { use: 'aggregate', with: { values: { n: 'count()', s: 'sum(record.a)' } } },
      '',
      '{"n":0,"s":null}\n',
    ],
  ] satisfies readonly Case[])
    it(title, async () => {
      using bench = new Bench();
      writeFileSync(bench.path('in.ndjson'), input);
      const { result, stderr } = await bench.run(bench.spec(part));
      expect(result?.message, stderr).to.equal('');
      expect(bench.read('out.ndjson')).to.equal(output);
      const letters = bench.lines('dead.ndjson') as { code: string; path: string; reason: string }[];
      expect(letters.map(({ code, path, reason }) => [code, path, reason])).to.deep.equal(rejected);
      expect(result?.counters.recordsRejected).to.equal(rejected.length);
    });

  for (const [kind, output] of [
    [
      'left',
      '{"o":"A","name":"x","airports_name":"Ann","iata":"A"}\n{"o":"A","name":"x","airports_name":"Abe","iata":"A"}\n{"o":"Z","n":1}\n{"o":null}\n',
    ],
    [
      'inner',
      '{"o":"A","name":"x","airports_name":"Ann","iata":"A"}\n{"o":"A","name":"x","airports_name":"Abe","iata":"A"}\n',
    ],
  ] as const)
    it(`joins (${kind})`, async () => {
      using bench = new Bench();
      writeFileSync(bench.path('in.ndjson'), '{"o":"A","name":"x"}\n{"o":"Z","n":1}\n{"o":null}\n');
      writeFileSync(bench.path('airports.csv'), 'name,iata\nAnn,A\nBob,B\nAbe,A\n');
      const { result } = await bench.run(
        bench.spec({
          use: 'join',
          with: { kind, on: 'valid.o == airports.iata' },
          inputs: [
            { ...bench.file('in.ndjson'), name: 'valid' },
            { ...bench.file('airports.csv', 'csv'), name: 'airports' },
          ],
        }),
      );
      expect(result).to.deep.include({ ok: true });
      expect(bench.read('out.ndjson')).to.equal(output);
      expect(result?.counters).to.deep.include({ recordsIn: 6 });
    });

  it('checks under no other contract than the one of the plan', async () => {
    using bench = new Bench();
    writeFileSync(bench.path('in.ndjson'), '{"delay":1}\n');
    const made = { ...contract, schema: { type: 'object' } };
    const { result } = await bench.run(
      bench.spec({ use: 'validate', contract: made, inputs: [bench.file('in.ndjson')] }),
    );
    expect(result).to.deep.include({
      ok: false,
      reason: 'InvalidStep',
      message: 'contract flight 1.0.0 is not the one that the run was planned with',
    });
  });

  it('refuses a build side that does not fit, in words', async () => {
    using bench = new Bench();
    writeFileSync(bench.path('in.ndjson'), '{"o":"A"}\n');
    writeFileSync(
      bench.path('big.ndjson'),
      Array.from({ length: 20_000 }, (_, i) => `{"k":${i},"t":"${'x'.repeat(100)}"}\n`).join(''),
    );
    const { result } = await bench.run(
      bench.spec({
        use: 'join',
        with: { on: 'in.o == big.k' },
        inputs: [
          { ...bench.file('in.ndjson'), name: 'in' },
          { ...bench.file('big.ndjson'), name: 'big' },
        ],
        memoryBytesMax: 16 * 1024 * 1024,
      }),
    );
    expect(result).to.deep.include({ ok: false, reason: 'MemoryExceeded' });
    expect(result?.message).to.match(/^input big of the join, which is held in memory, needs more than 4 MiB/);
  });
});

describe('step modules', function () {
  this.timeout(testTimeoutMs);

  const run = async (code: string, name: string, input: string, part: Partial<SliceSpec> = {}) => {
    using bench = new Bench();
    writeFileSync(bench.path('in.ndjson'), input);
    writeFileSync(bench.path('index.mjs'), code);
    const ended = await bench.run(
      bench.spec({ use: 'module', module: { path: bench.path('index.mjs'), export: name }, ...part }),
    );
    const letters = bench.lines('dead.ndjson') as { code: string; reason: string; original: string }[];
    return {
      ...ended,
      output: ended.result?.ok === true ? bench.read('out.ndjson') : '',
      letters: letters.map(({ code, reason, original }) => [code, reason, original]),
    };
  };

  it('map: one, none, many, rejected, thrown', async () => {
    const code = `export const Score = { kind: 'map', run(r, ctx) {
      if (r.a === 1) return { ...r, p: ctx.parameters.p };
      if (r.a === 2) return null;
      if (r.a === 3) return [{ x: 1 }, { x: 2 }];
      if (r.a === 4) return ctx.reject('not wanted');
      ctx.annotate({ seen: true });
      throw new Error('broken');
    } };`;
    const { output, letters, result } = await run(code, 'Score', [1, 2, 3, 4, 5].map((a) => `{"a":${a}}\n`).join(''), {
      parameters: { p: 7 },
    });
    expect(output).to.equal('{"a":1,"p":7}\n{"x":1}\n{"x":2}\n');
    expect(letters).to.deep.equal([
      ['rejected', 'not wanted', '{"a":4}'],
      ['exception', 'broken', '{"a":5}'],
    ]);
    expect(result?.counters).to.deep.include({ recordsIn: 5, recordsOut: 3, recordsRejected: 2 });
  });

  it('an async generator sees the stream', async () => {
    const code = `export async function* Pairs(records, ctx) {
      let last;
      for await (const r of records) { if (r.a === 3) ctx.reject('three'); else if (last) { yield [last, r.a]; last = undefined } else last = r.a }
    }`;
    const { output, letters } = await run(code, 'Pairs', [1, 2, 3, 4, 5].map((a) => `{"a":${a}}\n`).join(''));
    expect(output).to.equal('[1,2]\n[4,5]\n');
    expect(letters).to.deep.equal([['rejected', 'three', '{"a":3}']]);
  });

  it('a generator that throws fails the step', async () => {
    const { result } = await run(
      'export async function* Bad(records) { for await (const r of records) r.no.way; }',
      'Bad',
      '{"a":1}\n',
    );
    expect(result).to.deep.include({
      ok: false,
      reason: 'StepFailed',
      message: "Bad threw: Cannot read properties of undefined (reading 'way')",
    });
  });

  it('aggregate keeps a state a key', async () => {
    const code = `export const Sum = { kind: 'aggregate', key: 'm', init: { sum: 0 }, add(s, r) { s.sum += r.a }, emit: (m, s) => ({ m, sum: s.sum }) };`;
    const { output } = await run(code, 'Sum', '{"m":"b","a":1}\n{"m":"a","a":2}\n{"m":"b","a":3}\n');
    expect(output).to.equal('{"m":"a","sum":2}\n{"m":"b","sum":4}\n');
  });

  for (const [title, code, name, message] of [
    ['an export that is not there', 'export const A = 1;', 'Score', 'the module has no export Score; it has A'],
    [
      'an export that is no step',
      'export const A = 1;',
      'A',
      "export A is no step: make it with map, filter or aggregate of 'runink', or as an async generator function",
    ],
    [
      'a module that does not load',
      'import "no-such-package";',
      'A',
      "load the step's module: Cannot find package 'no-such-package'",
    ],
  ] as const)
    it(`names ${title}`, async () => {
      const { result } = await run(code, name, '{"a":1}\n');
      expect(result?.reason).to.equal('InvalidStep');
      expect(result?.message).to.include(message);
    });

  it('fails with a promise that user code left alone', async () => {
    const code = `export const A = { kind: 'map', run(r) { void Promise.reject(new Error('forgotten')); return new Promise((resolve) => setTimeout(() => resolve(r), 100)); } };`;
    const { result } = await run(code, 'A', '{"a":1}\n');
    expect(result).to.deep.include({ ok: false, reason: 'StepFailed', message: 'uncaught: forgotten' });
  });
});
