import { expect } from 'chai';
import fc from 'fast-check';
import { ManualClock } from '../../base/index.ts';
import { RunningCounters } from '../counters.ts';
import type { Source } from '../flow/batch.ts';
import type { ByteReader } from '../flow/byte-reader.ts';
import { DeadLetters } from '../flow/dead-letters.ts';
import { edgeKind, encodeEdgeHeader } from '../flow/edge-frames.ts';
import type { SliceSpec } from '../protocol/index.ts';
import { CsvSource } from './csv.ts';
import { EdgeSource } from './edge.ts';
import { JsonArraySource } from './json-array.ts';
import { LineSource, type SourceContext } from './lines.ts';
import { mergeSources } from './merge.ts';
import { syntaxCheck } from './record-check.ts';
import { TextSource } from './text.ts';

const origin = { name: 'in', source: 'file://data/in' };

/** Gives the bytes in pieces of these sizes, over and over. */
function piecesOf(bytes: Buffer, sizes: readonly number[]): ByteReader {
  let from = 0;
  let turn = 0;
  return {
    async read(into, at) {
      const size = Math.min(sizes[turn++ % sizes.length] ?? 1, bytes.length - from, into.length - at);
      bytes.copy(into, at, from, from + size);
      from += size;
      return size;
    },
    async close() {},
  };
}

function contextOf(recordBytesMax = 1024): SourceContext {
  const counters = new RunningCounters();
  const spec: SliceSpec = {
    herd: 'h',
    pipeline: 'p',
    run: 'r',
    step: 's',
    slice: 's0',
    attempt: 1,
    use: 'filter',
    with: {},
    inputs: [],
    outputs: [],
    parameters: {},
    secrets: '',
    memoryBytesMax: 1,
    recordBytesMax,
  };
  return { counters, letters: new DeadLetters(spec, new ManualClock(), counters), recordBytesMax };
}

async function textsOf(source: Source): Promise<string[]> {
  const texts: string[] = [];
  for (let batch = await source.next(); batch !== undefined; batch = await source.next())
    for (let index = 0; index < batch.count; index++) texts.push(batch.text(index));
  return texts;
}

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
const records = fc.array(
  fc.json({ maxDepth: 3 }).map((json) => JSON.stringify(JSON.parse(json))),
  { maxLength: 30 },
);

describe('sources', () => {
  it('find the same lines however they are cut into pieces', () =>
    fc.assert(
      fc.asyncProperty(
        records,
        sizes,
        fc.constantFrom('\n', '\r\n', '\n\n'),
        fc.boolean(),
        async (texts, cuts, end, last) => {
          const bytes = Buffer.from(texts.join(end) + (last ? end : ''));
          const context = contextOf();
          const source = new LineSource(piecesOf(bytes, cuts), origin, context, syntaxCheck(context.letters));
          expect(await textsOf(source)).to.deep.equal(texts);
          expect(context.counters).to.deep.include({ recordsIn: texts.length, bytesIn: bytes.length });
        },
      ),
    ));

  it('find the same elements of an array', () =>
    fc.assert(
      fc.asyncProperty(records, sizes, fc.constantFrom(0, 1), async (texts, cuts, indent) => {
        const values = texts.map((text): unknown => JSON.parse(text));
        const context = contextOf();
        const bytes = Buffer.from(` ${JSON.stringify(values, null, indent)}\n`);
        const source = new JsonArraySource(piecesOf(bytes, cuts), origin, context, syntaxCheck(context.letters));
        const found = await textsOf(source);
        expect(found.map((text): unknown => JSON.parse(text))).to.deep.equal(values);
        expect(found.join('')).not.to.include('\n');
      }),
    ));

  it('find the same frames of an edge', () =>
    fc.assert(
      fc.asyncProperty(fc.array(records, { maxLength: 5 }), sizes, async (frames, cuts) => {
        const context = contextOf();
        const parts = frames.map((texts, sequence) => {
          const payload = Buffer.from(texts.map((text) => `${text}\n`).join(''));
          return Buffer.concat([
            encodeEdgeHeader({ kind: edgeKind.data, epoch: 0, sequence, count: texts.length, length: payload.length }),
            payload,
          ]);
        });
        const end = encodeEdgeHeader({ kind: edgeKind.end, epoch: 0, sequence: frames.length, count: 0, length: 0 });
        const source = new EdgeSource(piecesOf(Buffer.concat([...parts, end]), cuts), origin, context);
        expect(await textsOf(source)).to.deep.equal(frames.flat());
      }),
    ));

  it('find the same rows of CSV and lines of text', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.string({ unit: 'grapheme', maxLength: 8 }).filter((text) => !/[\r\n\ufeff]/.test(text)),
          { minLength: 1, maxLength: 20 },
        ),
        sizes,
        async (cells, cuts) => {
          const quoted = cells.map((cell) => `"${cell.replaceAll('"', '""')}",x`).join('\r\n');
          const context = contextOf();
          const csv = new CsvSource(
            piecesOf(Buffer.from(`a,b\r\n${quoted}`), cuts),
            origin,
            context,
            syntaxCheck(context.letters),
            undefined,
          );
          expect(await textsOf(csv)).to.deep.equal(cells.map((a) => JSON.stringify({ a, b: 'x' })));
          const text = new TextSource(
            piecesOf(Buffer.from(`${cells.join('\n')}\n`), cuts),
            origin,
            context,
            syntaxCheck(context.letters),
          );
          expect(await textsOf(text)).to.deep.equal(cells.map((line) => JSON.stringify({ text: line })));
        },
      ),
    ));

  for (const [title, bytes, message] of [
    [
      'a frame out of turn',
      encodeEdgeHeader({ kind: edgeKind.data, epoch: 0, sequence: 1, count: 0, length: 0 }),
      'input in: frame 1 where 0 was due',
    ],
    [
      'a frame that miscounts',
      Buffer.concat([
        encodeEdgeHeader({ kind: edgeKind.data, epoch: 0, sequence: 0, count: 2, length: 2 }),
        Buffer.from('1\n'),
      ]),
      'input in: a frame of 1 records that says 2',
    ],
    [
      'an unknown frame',
      encodeEdgeHeader({ kind: 99, epoch: 0, sequence: 0, count: 0, length: 0 }),
      'input in: a frame of unknown kind 99',
    ],
    ['an edge without an end', Buffer.alloc(0), 'input in: it closed before its end: the step that writes it failed'],
  ] as const)
    it(`refuse ${title}`, async () => {
      const failed = await textsOf(new EdgeSource(piecesOf(bytes, [7]), origin, contextOf())).catch(
        (cause: unknown) => cause,
      );
      expect(failed).to.be.an('error').with.property('message', message);
    });

  it('are merged without losing or mixing records', async () => {
    const source = (name: string, count: number): Source => {
      const context = contextOf();
      const text = Array.from({ length: count }, (_, index) => `"${name}${index}"\n`).join('');
      return new LineSource(piecesOf(Buffer.from(text), [5, 11]), origin, context, syntaxCheck(context.letters));
    };
    const merged = await textsOf(mergeSources([source('a', 100), source('b', 50)], [source('c', 20), source('d', 10)]));
    for (const [name, count] of [
      ['a', 100],
      ['b', 50],
      ['c', 20],
      ['d', 10],
    ] as const)
      expect(merged.filter((text) => text.startsWith(`"${name}`))).to.deep.equal(
        Array.from({ length: count }, (_, index) => `"${name}${index}"`),
      );
    const files = merged.filter((text) => /^"[cd]/.test(text));
    expect(files.slice(0, 20).every((text) => text.startsWith('"c'))).to.equal(true);
  });
});
