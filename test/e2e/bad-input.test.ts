// Bad input: a clear message that names the object and the field, and nothing half done.

import { existsSync } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { kinds, type Pipeline } from '../../apis/index.ts';
import { type TestCluster, waitFor } from '../support/cluster.ts';
import { isolationHere, onCluster } from '../support/on-cluster.ts';

const head = (name: string): string =>
  `apiVersion: runink.io/v1\nkind: Pipeline\nmetadata: { name: ${name}, namespace: default }\n`;
const copy = (name: string, source: string, sink = `out/${name}.ndjson`, more = ''): string => `${head(name)}spec:
  sources: [{ name: in, uri: "file://data/${source}"${more} }]
  steps: [{ name: copy, use: filter, from: [in], with: { where: "true" } }]
  sinks: [{ name: out, from: copy, uri: "file://data/${sink}" }]
  deadLetters: [{ uri: "file://data/out/${name}-dead.ndjson" }]
`;

describe('bad input', function () {
  this.timeout(180_000);
  let cluster: TestCluster;
  onCluster(async (started) => {
    cluster = started;
    await mkdir(cluster.dataVolume, { recursive: true });
  }, isolationHere);

  describe('that apply refuses, creating nothing', () => {
    for (const [title, yaml, message] of [
      ['malformed YAML', `${head('bad')}spec: { steps: [`, /line \d+/],
      [
        'an unknown kind',
        'apiVersion: runink.io/v1\nkind: Pipe\nmetadata: { name: bad }\n',
        /no matches for kind "Pipe" in version "runink.io\/v1"/,
      ],
      [
        'an unknown field',
        `${head('bad')}spec: { stepz: [], steps: [{ name: a, use: exec, with: { command: [cat] } }] }`,
        /unknown field "spec.stepz"/,
      ],
      ['a wrong type', `${head('bad')}spec: { steps: "many" }`, /spec\.steps/],
      [
        'a value that is not supported',
        `${head('bad')}spec: { mode: forever, steps: [{ name: a, use: exec }] }`,
        /Unsupported value: "forever"/,
      ],
    ] as const) {
      it(title, async () => {
        const { code, stderr } = await cluster.runictl(['apply', '-f', '-'], yaml);
        expect(stderr).to.match(message);
        expect(code).to.equal(1);
        expect((await cluster.client.list(kinds.pipelines, { namespace: 'default' })).items).to.deep.equal([]);
      });
    }
  });

  describe('that the pipeline controller refuses, starting nothing', () => {
    for (const [name, spec, message] of [
      [
        'cycle',
        'steps: [{ name: a, use: filter, from: [b], with: { where: "true" } }, { name: b, use: filter, from: [a], with: { where: "true" } }]',
        'steps form a cycle: a -> b -> a',
      ],
      [
        'input',
        'steps: [{ name: a, use: filter, from: [nope], with: { where: "true" } }]',
        'no source or step is named "nope"',
      ],
      [
        'contract',
        'sources: [{ name: in, uri: "file://data/x", contract: "none@^1" }]\n  steps: [{ name: a, use: validate, from: [in] }]',
        'none@^1',
      ],
      [
        'bundle',
        'sources: [{ name: in, uri: "file://data/x" }]\n  steps: [{ name: a, bundle: code-0123456789, export: X, from: [in] }]',
        'bundle "code-0123456789" does not exist',
      ],
      [
        'secret',
        'steps: [{ name: a, use: exec, with: { command: [cat] }, secrets: [{ name: nope }] }]',
        'secret "nope" does not exist in herd "default"',
      ],
      [
        'expression',
        'sources: [{ name: in, uri: "file://data/x" }]\n  steps: [{ name: a, use: filter, from: [in], with: { where: "record.a >" } }]',
        'spec.steps[0].with.where',
      ],
    ] as const) {
      it(`a step with a bad ${name}`, async () => {
        await cluster.apply(`${head(`no-${name}`)}spec:\n  ${spec}\n`);
        const isJudged = (seen: Pipeline | undefined): boolean => seen?.status?.observedGeneration === 1;
        const seen = await waitFor(
          cluster.client,
          kinds.pipelines,
          { namespace: 'default', name: `no-${name}` },
          isJudged,
        );
        const ready = seen?.status?.conditions?.find((condition) => condition.type === 'Ready');
        expect(ready?.status).to.equal('False');
        expect(ready?.message).to.contain(message);
        expect((await cluster.client.list(kinds.runs, { namespace: 'default' })).items).to.deep.equal([]);
      });
    }
  });

  describe('that only a slice can see', () => {
    it('a source that does not exist', async () => {
      expect(await failed('missing', copy('missing', 'nothing-here.ndjson'))).to.match(
        /SourceNotFound.*file:\/\/data\/nothing-here\.ndjson/,
      );
    });
    it('a sink that cannot be written', async () => {
      await writeFile(join(cluster.dataVolume, 'file'), 'a file, not a folder\n');
      await writeFile(join(cluster.dataVolume, 'one.ndjson'), '{"a":1}\n');
      expect(await failed('unwritable', copy('unwritable', 'one.ndjson', 'file/out.ndjson'))).to.match(
        /SinkNotWritable.*directory file of volume data/,
      );
      expect(await readFile(join(cluster.dataVolume, 'file'), 'utf8')).to.equal('a file, not a folder\n');
    });
    it('a file of binary garbage: every line a dead letter', async () => {
      await writeFile(
        join(cluster.dataVolume, 'garbage'),
        Buffer.from(Array.from({ length: 100_000 }, (_, n) => (n * 7919) % 251)),
      );
      const letters = await succeeded('garbage', copy('garbage', 'garbage'));
      expect(letters.length).to.be.greaterThan(100);
      expect(new Set(letters.map((letter) => letter['code']))).to.deep.equal(new Set(['decode']));
      expect(await readFile(join(cluster.dataVolume, 'out/garbage.ndjson'), 'utf8')).to.equal('');
    });
    it('one record of 200 MB: a dead letter, and the records around it arrive', async () => {
      await writeBig('huge.ndjson', '{"a":1}\n{"a":"', '"}\n{"a":2}\n');
      const letters = await succeeded('huge', copy('huge', 'huge.ndjson'));
      expect(letters.map((letter) => letter['code'])).to.deep.equal(['too_large']);
      expect(await readFile(join(cluster.dataVolume, 'out/huge.ndjson'), 'utf8')).to.equal('{"a":1}\n{"a":2}\n');
    });
    it('an empty file: an empty result', async () => {
      await writeFile(join(cluster.dataVolume, 'empty'), '');
      expect(await succeeded('empty', copy('empty', 'empty'))).to.deep.equal([]);
      expect(await readFile(join(cluster.dataVolume, 'out/empty.ndjson'), 'utf8')).to.equal('');
    });
    it('an array of 200 MB in one line is read', async () => {
      await writeBig('array.json', '[', '{"a":1}]', '{"a":"0123456789"},');
      expect(await succeeded('array', copy('array', 'array.json', 'out/array.ndjson', ', format: json'))).to.deep.equal(
        [],
      );
    });
  });

  async function failed(name: string, yaml: string): Promise<string> {
    await cluster.apply(yaml);
    const run = await cluster.finished(name);
    expect(run.status?.phase).to.equal('Failed');
    expect(existsSync(join(cluster.dataVolume, `out/${name}.ndjson`))).to.equal(false);
    return run.status?.message ?? '';
  }

  async function succeeded(name: string, yaml: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    await cluster.apply(yaml);
    const run = await cluster.finished(name, { deadlineMs: 120_000 });
    expect(run.status?.phase, run.status?.message).to.equal('Succeeded');
    const text = await readFile(join(cluster.dataVolume, `out/${name}-dead.ndjson`), 'utf8');
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }

  /** 200 MB between `before` and `after`. */
  async function writeBig(name: string, before: string, after: string, unit = 'x'): Promise<void> {
    await using file = await open(join(cluster.dataVolume, name), 'w');
    const chunk = unit.repeat(Math.floor(1_000_000 / unit.length));
    await file.write(before);
    for (let written = 0; written < 200_000_000; written += chunk.length) await file.write(chunk);
    await file.write(after);
  }
});
