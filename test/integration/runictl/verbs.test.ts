import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { kinds, type Pipeline, type Run } from '../../../apis/index.ts';
import { type Outcome, type Server, startServer } from './harness.ts';

const kubectl = fileURLToPath(new URL('../../../../.cache/kubectl-1.35/kubectl', import.meta.url));
const ref = (name: string) => ({ namespace: 'default', name });

const pipeline = (name: string, where: string, more = ''): string => `apiVersion: runink.io/v1
kind: Pipeline
metadata: { name: ${name}, labels: { of: test } }
spec:
  sources: [{ name: in, uri: ./in.ndjson }]
  steps: [{ name: copy, use: filter, from: [in], with: { where: "${where}" }${more} }]
  sinks: [{ name: out, from: copy, uri: "file://data/out.ndjson" }]
`;

describe('runictl and a real API server', function () {
  this.timeout(60_000);
  let server: Server;
  const call = (...argv: string[]): Promise<Outcome> => server.runictl(argv);
  const apply = (input: string, ...flags: string[]): Promise<Outcome> =>
    server.runictl(['apply', '-f', '-', ...flags], { input });

  before(async () => {
    server = await startServer();
  });
  after(async () => {
    await server?.stop();
  });

  describe('apply', () => {
    it('creates, leaves alone, changes', async () => {
      expect(await apply(pipeline('a', 'true'))).to.deep.equal({
        code: 0,
        out: 'pipeline.runink.io/a created\n',
        err: '',
      });
      expect((await apply(pipeline('a', 'true'))).out).to.equal('pipeline.runink.io/a unchanged\n');
      expect((await apply(pipeline('a', 'false'))).out).to.equal('pipeline.runink.io/a configured\n');
      const { spec } = await server.client.get<Pipeline>(kinds.pipelines, ref('a'));
      expect(spec.sources?.[0]?.uri).to.equal('file://data/in.ndjson');
      expect(spec.steps[0]?.with).to.deep.equal({ where: 'false' });
    });
    it('shows with --at what was', async () => {
      await apply(pipeline('past', 'true'));
      const version = (await server.client.get<Pipeline>(kinds.pipelines, ref('past'))).metadata.resourceVersion ?? '';
      await apply(pipeline('past', 'false'));
      await call('delete', 'pipeline', 'past');
      const found = await call(
        'get',
        'pipeline',
        'past',
        '--at',
        version,
        '-o',
        'jsonpath={.spec.steps[0].with.where}',
      );
      expect(found).to.deep.equal({ code: 0, out: 'true', err: '' });
      for (const argv of [['pipeline/past'], ['pipelines', '-l', 'of=test'], ['pipelines', '-o', 'name']])
        expect((await call('get', ...argv, '--at', version)).out).to.match(/past/);
      const missing = await call('get', 'pipeline', 'never', '--at', version);
      expect([missing.code, missing.err]).to.deep.equal([
        1,
        'Error from server (NotFound): pipelines.runink.io "never" not found\n',
      ]);
      expect((await call('get', 'pipelines', '--at', '99999999')).err).to.match(/Too large resource version/);
      expect((await call('get', 'pipelines', '--at', version, '-w')).code).to.equal(2);
    });
    it('changes nothing in a dry run', async () => {
      expect((await apply(pipeline('dry', 'true'), '--dry-run=server')).out).to.equal(
        'pipeline.runink.io/dry created (server dry run)\n',
      );
      expect((await apply(pipeline('dry', 'true'), '--dry-run=client')).out).to.equal(
        'pipeline.runink.io/dry created (dry run)\n',
      );
      expect((await call('get', 'pipeline', 'dry')).err).to.equal(
        'Error from server (NotFound): pipelines.runink.io "dry" not found\n',
      );
    });
    it('refuses unknown fields in Kubernetes’ words, and leaves nothing half done', async () => {
      const { code, out, err } = await apply(
        `${pipeline('good', 'true')}---\n${pipeline('bad', 'true', ', wiht: {}')}`,
      );
      expect(code).to.equal(1);
      expect(out).to.equal('');
      expect(err)
        .to.match(/unknown field "spec\.steps\[0\]\.wiht"/)
        .and.to.contain('(stdin:9:1)')
        .and.to.contain('Nothing was changed.');
      expect((await call('get', 'pipeline', 'good', '--ignore-not-found')).out).to.equal('');
    });
    it('makes a herd and what lives in it in one go', async () => {
      const text = `${pipeline('p', 'true').replace('name: p,', 'name: p, namespace: fresh,')}---\napiVersion: runink.io/v1\nkind: Herd\nmetadata: { name: fresh }\n`;
      expect((await apply(text)).out).to.equal('herd.runink.io/fresh created\npipeline.runink.io/p created\n');
    });
    it('puts what is too large for the object to its content, once', async () => {
      const folder = join(server.directory, 'report');
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'large.txt'), 'x'.repeat(200_000));
      const text = `apiVersion: runink.io/v1
kind: Pipeline
metadata: { name: large }
spec:
  steps: [{ name: report, use: exec, bundle: ./report, with: { command: [cat] } }]
`;
      const { code, out } = await apply(text);
      expect(code).to.equal(0);
      const name = /^bundle\.runink\.io\/(report-[0-9a-f]{10}) created\n/.exec(out)?.[1] ?? '';
      const content = Buffer.from(await server.client.getContent(ref(name))).toString();
      expect(JSON.parse(content)).to.have.nested.property('files[0].path', 'large.txt');
      expect((await apply(text)).out).to.equal(
        `bundle.runink.io/${name} unchanged\npipeline.runink.io/large unchanged\n`,
      );
    });
    it('takes turns with kubectl', async function () {
      if (!existsSync(kubectl)) this.skip();
      const env = { KUBECONFIG: server.kubeconfig, HOME: server.directory };
      const other = (text: string): string =>
        execFileSync(kubectl, ['apply', '-f', '-'], { env, input: text, encoding: 'utf8' });
      const text = pipeline('turn', 'true').replace('./in', 'file://data/in');
      await apply(text);
      expect(other(text)).to.equal('pipeline.runink.io/turn unchanged\n');
      expect(other(text.replace('{ of: test }', '{ and: more }'))).to.equal('pipeline.runink.io/turn configured\n');
      expect((await apply(text.replace('{ of: test }', '{ and: more }'))).out).to.equal(
        'pipeline.runink.io/turn unchanged\n',
      );
      await apply(text);
      expect((await server.client.get<Pipeline>(kinds.pipelines, ref('turn'))).metadata.labels).to.deep.equal({
        of: 'test',
      });
    });
  });

  describe('get', () => {
    it('prints tables, names, JSON, YAML and JSONPath', async () => {
      await apply(pipeline('g1', 'true'));
      expect((await call('get', 'pl', 'g1')).out).to.match(
        /^NAME +READY +REASON +LAST RUN +AGE\ng1 +<none> +<none> +<none> +\d+s\n$/,
      );
      expect((await call('get', 'pl', 'g1', '-o', 'wide')).out).to.contain('MESSAGE');
      expect((await call('get', 'pl/g1', '-o', 'name')).out).to.equal('pipeline.runink.io/g1\n');
      expect((await call('get', 'pl/g1', '-o', 'jsonpath={.spec.steps[*].use}')).out).to.equal('filter');
      expect(JSON.parse((await call('get', 'pl', 'g1', '-o', 'json')).out)).to.have.nested.property(
        'metadata.name',
        'g1',
      );
      expect((await call('get', 'pl', '-l', 'of=test', '-o', 'yaml')).out).to.match(
        /^apiVersion: v1\nitems:\n- apiVersion: runink\.io\/v1\n/,
      );
      expect((await call('get', 'pl,herds', '-A')).out).to.match(
        /pipeline\.runink\.io\/g1 [^]*\n\nNAME +STATUS +AGE\nherd\.runink\.io\/default +Active/,
      );
      expect(
        (await call('get', 'pl', '--no-headers', '-L', 'of', '--field-selector', 'metadata.name=g1')).out,
      ).to.match(/^g1 .* test\n$/);
    });
    it('says when there is nothing', async () => {
      expect(await call('get', 'runs', '-l', 'no=such')).to.deep.equal({
        code: 0,
        out: '',
        err: 'No resources found in default namespace.\n',
      });
      expect((await call('get', 'runs', 'nope')).code).to.equal(1);
    });
    it('watches', async () => {
      await apply(pipeline('w', 'true'));
      const stop = new AbortController();
      const seen = server.runictl(['get', 'pl', 'w', '-w', '-o', 'jsonpath={.metadata.labels.of} '], {
        signal: stop.signal,
        heard: (out) => {
          if (out === 'test ')
            void server.client.patch<Pipeline>(kinds.pipelines, ref('w'), {
              type: 'merge',
              body: { metadata: { labels: { of: 'more' } } },
            });
          if (out === 'test more ') stop.abort();
        },
      });
      expect(await seen).to.deep.equal({ code: 0, out: 'test more ', err: '' });
    });
  });

  it('creates, labels, annotates, patches and diffs', async () => {
    const text = pipeline('c', 'true');
    expect((await server.runictl(['create', '-f', '-'], { input: text })).out).to.equal(
      'pipeline.runink.io/c created\n',
    );
    expect((await server.runictl(['create', '-f', '-'], { input: text })).err).to.match(
      /^Error from server \(AlreadyExists\): pipelines\.runink\.io "c" already exists\n/,
    );
    expect((await call('label', 'pl', 'c', 'x=1')).out).to.equal('pipeline.runink.io/c labeled\n');
    expect(await call('label', 'pl/c', 'x=2')).to.deep.equal({
      code: 1,
      out: '',
      err: "error: 'x' already has a value (1), and --overwrite is false\n",
    });
    expect((await call('label', 'pl/c', 'x=2', '--overwrite')).out).to.equal('pipeline.runink.io/c labeled\n');
    expect((await call('label', 'pl/c', 'x-')).out).to.equal('pipeline.runink.io/c unlabeled\n');
    expect((await call('annotate', 'pl/c', 'example.org/a=b')).out).to.equal('pipeline.runink.io/c annotated\n');
    expect((await call('patch', 'pl', 'c', '-p', '{"spec":{"suspend":true}}')).out).to.equal(
      'pipeline.runink.io/c patched\n',
    );
    expect((await call('patch', 'pl', 'c', '-p', 'spec: { suspend: true }')).out).to.equal(
      'pipeline.runink.io/c patched (no change)\n',
    );
    const json = '[{"op":"remove","path":"/spec/suspend"}]';
    expect(
      (await call('patch', 'pl', 'c', '--type', 'json', '-p', json, '-o', 'jsonpath={.spec.suspend}')).out,
    ).to.equal('');
    await apply(text);
    expect((await server.runictl(['diff', '-f', '-'], { input: text })).code).to.equal(0);
    const changed = await server.runictl(['diff', '-f', '-'], { input: pipeline('c', 'false') });
    expect(changed.code).to.equal(1);
    expect(changed.out).to.contain('-      where: "true"\n+      where: "false"\n');
  });

  it('describes', async () => {
    await apply(pipeline('d', 'true'));
    const { out } = await call('describe', 'pl/d');
    expect(out)
      .to.match(/^Name: +d\nNamespace: +default\nKind: +Pipeline\nLabels: +of=test\n/)
      .and.to.contain('Events:  <none>');
  });

  it('explains', async () => {
    expect((await call('explain', 'pipeline.spec.steps.use')).out).to.match(
      /^GROUP: +runink\.io\nKIND: +Pipeline\nVERSION: +v1\n\nFIELD: use <string>\n/,
    );
    expect((await call('explain', 'pl.spec.stps')).err).to.contain('did you mean "steps"?');
  });

  it('lists the kinds', async () => {
    expect((await call('api-resources')).out)
      .to.match(/^NAME +SHORTNAMES +APIVERSION +NAMESPACED +KIND\n/)
      .and.to.match(/\npipelines +pl +runink\.io\/v1 +true +Pipeline\n/);
    const named = (await call('api-resources', '--namespaced=false', '-o', 'name')).out.split('\n');
    expect(named).to.include.members(['namespaces', 'nodes', 'herds.runink.io']).and.not.include('pipelines.runink.io');
  });

  it('deletes and waits until it is gone', async () => {
    await apply(pipeline('x', 'true'));
    const gone = call('wait', '--for=delete', 'pl/x', '--timeout=20s');
    expect((await call('delete', 'pl', 'x')).out).to.equal('pipeline.runink.io "x" deleted\n');
    expect((await gone).code).to.equal(0);
    expect(await call('delete', 'pl', 'x')).to.deep.equal({
      code: 1,
      out: '',
      err: 'Error from server (NotFound): pipelines.runink.io "x" not found\n',
    });
    expect((await call('delete', 'pl', 'x', '--ignore-not-found')).code).to.equal(0);
  });

  describe('a run', () => {
    const makeRun = (name: string, labels: Record<string, string> = {}): Promise<Run> =>
      server.client.create<Run>(kinds.runs, {
        apiVersion: 'runink.io/v1',
        kind: 'Run',
        metadata: { name, namespace: 'default', labels },
        spec: {
          pipeline: { name: 'r' },
          plan: {
            groups: [{ name: 'copy', steps: ['copy'] }],
            steps: [
              {
                name: 'copy',
                group: 'copy',
                use: 'filter',
                runtime: 'node',
                inputs: [],
                outputs: [],
                cpuMillis: 1,
                cpuLimitMillis: 1,
                memoryBytes: 1,
                pids: 1,
              },
            ],
          },
        },
      });
    const setStatus = async (name: string, status: Run['status']): Promise<void> => {
      const run = await server.client.get<Run>(kinds.runs, ref(name));
      await server.client.updateStatus<Run>(kinds.runs, { ...run, ...(status === undefined ? {} : { status }) });
    };

    const failure: Run['status'] = {
      phase: 'Failed',
      reason: 'StepFailed',
      message: 'copy broke',
      completionTime: '2026-01-01T00:00:02Z',
      steps: [
        {
          name: 'copy',
          phase: 'Failed',
          attempt: 1,
          reason: 'StepFailed',
          message: 'broke',
          counters: { recordsIn: 5, recordsRejected: 1 },
        },
      ],
    };

    it('is asked for by an annotation and found by its label', async () => {
      await apply(pipeline('r', 'true'));
      const asked = server.runictl(['run', 'r', '--param', 'day=1', '--wait']);
      const controller = (async () => {
        for await (const event of server.client.watch<Pipeline>(kinds.pipelines, {
          namespace: 'default',
          fieldSelector: 'metadata.name=r',
        })) {
          const text =
            event.type === 'BOOKMARK' ? undefined : event.object.metadata.annotations?.['runink.io/run-requested'];
          if (text === undefined) continue;
          const { id, parameters } = JSON.parse(text) as { id: string; parameters: unknown };
          expect(parameters).to.deep.equal({ day: '1' });
          await makeRun('r-00001', { 'runink.io/request': id });
          return setStatus('r-00001', { phase: 'Succeeded', completionTime: '2026-01-01T00:00:00Z' });
        }
      })();
      expect(await asked).to.deep.equal({ code: 0, out: 'run.runink.io/r-00001 created\n', err: '' });
      await controller;
    });

    it('is not waited for when the pipeline cannot run', async () => {
      await apply(pipeline('never', 'true'));
      const made = await server.client.get<Pipeline>(kinds.pipelines, ref('never'));
      await server.client.updateStatus<Pipeline>(kinds.pipelines, {
        ...made,
        status: {
          observedGeneration: 1,
          conditions: [
            { type: 'Ready', status: 'False', reason: 'Invalid', message: 'no such thing', observedGeneration: 1 },
          ],
        },
      });
      expect(await call('run', 'never')).to.deep.equal({
        code: 1,
        out: '',
        err: 'error: pipeline.runink.io/never cannot run: no such thing\n',
      });
    });

    it('is followed to its end, failure included', async () => {
      await makeRun('r-watch');
      await setStatus('r-watch', { phase: 'Running', steps: [{ name: 'copy', phase: 'Running', attempt: 1 }] });
      let isEnded = false;
      const watched = await server.runictl(['watch', 'r-watch'], {
        heard: (out) => {
          if (isEnded || !out.includes('copy  Running')) return;
          isEnded = true;
          void setStatus('r-watch', failure);
        },
      });
      expect(watched.code).to.equal(1);
      expect(watched.out.replaceAll(/^\S+Z {2}/gm, '')).to.equal(
        'copy  Running\ncopy  Failed  5 in, 1 rejected  StepFailed: broke\nrun r-watch failed: StepFailed: copy broke\nLook with: runictl describe run r-watch; runictl logs r-watch\n',
      );
      expect((await call('describe', 'run', 'r-watch')).out).to.match(/Phase: +Failed\nReason: +StepFailed\n/);
      expect((await call('wait', '--for=jsonpath={.status.phase}=Failed', 'run/r-watch')).out).to.equal(
        'run.runink.io/r-watch condition met\n',
      );
    });

    it('is cancelled', async () => {
      await makeRun('r-cancel');
      expect((await call('cancel', 'r-cancel')).out).to.equal('run.runink.io/r-cancel cancelling\n');
      expect((await server.client.get<Run>(kinds.runs, ref('r-cancel'))).spec.cancel).to.equal(true);
    });
  });
});
