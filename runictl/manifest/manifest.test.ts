import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { makeBundle } from './bundle.ts';
import { compile, volumeUri } from './compile.ts';
import { inOrder } from './order.ts';
import { parseManifests, readManifests } from './read.ts';

function problemsOf(text: string): string[] {
  const problems: string[] = [];
  parseManifests(text, 'x.yaml', '/', problems);
  return problems;
}

const head = (kind: string, name: string) => `apiVersion: runink.io/v1\nkind: ${kind}\nmetadata: { name: ${name} }\n`;

describe('parseManifests', () => {
  for (const [title, text, problem] of [
    ['broken YAML', 'a: [1,\nb: 2\n', /^error parsing x\.yaml: line 2, column 1: /],
    [
      'a doubled key',
      'apiVersion: v1\nkind: Secret\nmetadata: { name: a }\ndata:\n  x: ""\n  x: ""\n',
      /^x\.yaml:6:3: the key "x" is there twice$/,
    ],
    [
      'an unknown kind',
      `---\n${head('Pipelin', 'a')}`,
      /^x\.yaml:2:1: no matches for kind "Pipelin" in version "runink.io\/v1"; did you mean "Pipeline"\?$/,
    ],
    [
      'a kind in the wrong group',
      'apiVersion: v1\nkind: Pipeline\nmetadata: { name: a }\n',
      /it is in runink\.io\/v1$/,
    ],
    ['a missing kind', 'apiVersion: v1\nmetadata: { name: a }\n', /^x\.yaml:1:1: kind is missing/],
    ['a missing name', 'apiVersion: v1\nkind: Secret\nmetadata: {}\n', /metadata\.name of the Secret is missing$/],
    ['a scalar', 'hello\n', /^x\.yaml:1:1: not an object/],
    [
      'a label that is no text',
      'apiVersion: v1\nkind: Secret\nmetadata: { name: a, labels: { n: 1 } }\n',
      /metadata\.labels\.n must be a string/,
    ],
    ['binary', 'a\0b', /is binary/],
    [
      'a bomb of aliases',
      `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c]\n`,
      /alias/i,
    ],
  ] as const)
    it(`tells where there is ${title}`, () => {
      const [found = ''] = problemsOf(text);
      expect(found).to.match(problem);
    });

  it('reads several documents, empty ones and lists', () => {
    const problems: string[] = [];
    const text = `${head('Pipeline', 'a')}---\n---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n- ${head('Herd', 'b').trim().replaceAll('\n', '\n  ')}\n`;
    const found = parseManifests(text, 'x.yaml', '/', problems);
    expect(problems).to.deep.equal([]);
    expect(found.map(({ kind, place }) => [kind.kind, place])).to.deep.equal([
      ['Pipeline', 'x.yaml:1:1'],
      ['Herd', 'x.yaml:11:3'],
    ]);
  });

  it('keeps YAML 1.2: on is text', () => {
    const [found] = parseManifests(`${head('Pipeline', 'a')}spec: { on: yes }\n`, 'x.yaml', '/', []);
    expect(found?.object['spec']).to.deep.equal({ on: 'yes' });
  });
});

describe('readManifests', () => {
  const stdin = (text: string) => ({ cwd: '/', readStdin: () => Promise.resolve(text) });
  const failure = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'nothing was thrown',
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );

  it('refuses an object that is there twice, naming both places', async () => {
    expect(await failure(readManifests(['-'], stdin(`${head('Herd', 'a')}---\n${head('Herd', 'a')}`)))).to.equal(
      'stdin:5:1: Herd "a" is there twice, first at stdin:1:1',
    );
  });
  it('says what a .dsl file needs', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'runictl-'));
    try {
      await writeFile(join(folder, 'a.dsl'), 'Feature: x');
      expect(await failure(readManifests([join(folder, 'a.dsl')], stdin('')))).to.match(
        /feature files cannot be compiled yet/,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
  it('says what is not there', async () => {
    expect(await failure(readManifests(['nowhere.yaml'], stdin('')))).to.equal(
      'the path "nowhere.yaml" does not exist',
    );
  });
});

describe('inOrder', () => {
  it('puts what is named before what names it', () => {
    const text = ['Pipeline', 'Bundle', 'Contract', 'Herd'].map((kind) => head(kind, 'a')).join('---\n');
    expect(inOrder(parseManifests(text, 'x', '/', [])).map(({ kind }) => kind.kind)).to.deep.equal([
      'Herd',
      'Contract',
      'Bundle',
      'Pipeline',
    ]);
  });
});

describe('volumeUri', () => {
  for (const [uri, expected] of [
    ['file://data/x.json', 'file://data/x.json'],
    ['file://lake/a/b.csv', 'file://lake/a/b.csv'],
    ['./x.json', 'file://data/x.json'],
    ['out/x.json', 'file://data/out/x.json'],
    ['file:./x.json', 'file://data/x.json'],
    ['file://./x.json', 'file://data/x.json'],
    ['a/../x.json', 'file://data/x.json'],
    ['s3://bucket/x', 's3://bucket/x'],
  ] as const)
    it(uri, () => {
      expect(volumeUri(uri)).to.equal(expected);
    });
  for (const uri of ['../x', '/etc/passwd', 'file:///etc/passwd'])
    it(`refuses ${uri}`, () => {
      expect(volumeUri(uri)).to.have.property('problem');
    });
});

describe('bundles', () => {
  let folder: string;
  let other: string;
  const sdk = (): string => join(folder, 'sdk.mjs');

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runictl-'));
    other = await mkdtemp(join(tmpdir(), 'runictl-other-'));
    await writeFile(sdk(), 'export const map = (f) => ({ kind: "map", f });\nexport const unused = 1;\n');
    for (const place of [folder, other]) {
      await mkdir(join(place, 'steps'));
      await mkdir(join(place, 'report'));
      await writeFile(
        join(place, 'steps/double.ts'),
        "import { map } from 'runink';\nexport const Double = map((r: { n: number }) => ({ n: r.n * 2 }));\n",
      );
      await writeFile(join(place, 'report/report.py'), 'print(1)\n');
      await writeFile(join(place, 'report/run.sh'), 'true\n');
      await chmod(join(place, 'report/run.sh'), 0o755);
    }
  });
  after(async () => {
    await rm(folder, { recursive: true });
    await rm(other, { recursive: true });
  });

  it('are the same bytes wherever the files lie', async () => {
    const options = { asFiles: false, sdkFile: sdk() };
    const [a, b] = await Promise.all(
      [folder, other].map((place) => makeBundle(join(place, 'steps/double.ts'), options)),
    );
    expect(a).to.deep.equal(b);
    expect(a?.name).to.match(/^double-[0-9a-f]{10}$/);
    expect(a?.exports).to.deep.equal(['Double']);
    expect(Buffer.from(a?.bytes ?? []).toString()).not.to.contain(folder);
  });
  it('of a folder list its files in order with their modes', async () => {
    const made = await makeBundle(join(folder, 'report'), { asFiles: true, sdkFile: sdk() });
    expect(JSON.parse(Buffer.from(made.bytes).toString())).to.deep.equal({
      files: [
        { path: 'report.py', mode: 0o644, data: Buffer.from('print(1)\n').toString('base64') },
        { path: 'run.sh', mode: 0o755, data: Buffer.from('true\n').toString('base64') },
      ],
    });
  });

  const pipeline = (step: string): string =>
    `${head('Pipeline', 'p')}spec:\n  sources: [{ name: in, uri: ./in.json }]\n  steps:\n    - ${step}\n`;
  const compiled = (text: string) =>
    compile(parseManifests(text, 'p.yaml', folder, []), { namespace: 'h', sdkFile: sdk() });

  it('come before the pipeline, which names them', async () => {
    const objects = await compiled(pipeline('{ name: d, bundle: ./steps/double.ts, export: Double, from: [in] }'));
    expect(objects.map(({ kind, object }) => [kind.kind, object.metadata.namespace])).to.deep.equal([
      ['Bundle', 'h'],
      ['Pipeline', 'h'],
    ]);
    const [bundle, made] = objects;
    expect(made?.object['spec']).to.deep.equal({
      sources: [{ name: 'in', uri: 'file://data/in.json' }],
      steps: [{ name: 'd', bundle: bundle?.object.metadata.name, export: 'Double', from: ['in'] }],
    });
  });
  for (const [title, step, message] of [
    [
      'an export that is not there',
      '{ name: d, bundle: ./steps/double.ts, export: Triple }',
      'p.yaml:1:1: step "d": its module has no export "Triple"; it exports Double',
    ],
    ['a file that is not there', '{ name: d, bundle: ./steps/none.ts, export: X }', 'no such file or folder'],
    ['a folder as a module', '{ name: d, bundle: ./report, export: X }', 'is a folder'],
  ] as const)
    it(`refuse ${title}`, async () => {
      const error: unknown = await compiled(pipeline(step)).catch((cause: unknown) => cause);
      expect(error).to.be.instanceOf(Error);
      expect(String(error)).to.contain(message);
    });
});
