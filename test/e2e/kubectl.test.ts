// The real kubectl 1.35 against the API server alone: every verb that users have, with exit code, output and the state
// it leaves. What needs controllers and agents is in kubectl-pipeline.test.ts.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { checkout, kubectlPath, type Outcome, run } from '../support/cluster.ts';

const flow = `apiVersion: runink.io/v1
kind: Pipeline
metadata: { name: flow, labels: { app: x } }
spec:
  suspend: true
  sources: [{ name: in, uri: "file://data/in.ndjson" }]
  steps:
  - { name: a, use: filter, from: [in], with: { where: "true" } }
  sinks: [{ name: out, from: a, uri: "file://data/out.ndjson" }]
`;

describe('kubectl 1.35', function () {
  this.timeout(60_000);
  let data: string;
  let server: ChildProcess;

  before(async function () {
    if (!existsSync(kubectlPath)) this.skip();
    data = await mkdtemp(join(tmpdir(), 'runink-kubectl-'));
    server = spawn(process.execPath, [join(checkout, 'dist/apiserver/main.js'), '--data', data], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    if (server.stdout === null) throw new Error('the server has no stdout');
    const [line] = (await once(createInterface(server.stdout), 'line')) as [string];
    expect(JSON.parse(line)).to.have.property('ready', true);
    await writeFile(join(data, 'flow.yaml'), flow);
    await writeFile(join(data, 'flow2.yaml'), flow.replace('"true"', '"false"'));
  });
  after(async () => {
    if (server === undefined) return;
    server.kill('SIGTERM');
    const [code] = (await once(server, 'exit')) as [number | null];
    expect(code, 'the exit code of the server').to.equal(0);
    await rm(data, { recursive: true, force: true });
  });

  const environment = () => ({
    KUBECONFIG: join(data, 'admin.kubeconfig'),
    HOME: data,
    PATH: process.env['PATH'] ?? '',
  });
  const kubectl = (...args: readonly string[]): Promise<Outcome> => run(kubectlPath, args, { env: environment() });
  /** What it printed; fails unless it ended well. */
  async function ok(...args: readonly string[]): Promise<string> {
    const outcome = await kubectl(...args);
    expect(outcome.code, `${args.join(' ')}: ${outcome.stderr}`).to.equal(0);
    return outcome.stdout;
  }
  /** What it complained of; fails if it ended well. */
  async function fails(...args: readonly string[]): Promise<string> {
    const outcome = await kubectl(...args);
    expect(outcome.code, `${args.join(' ')}: ${outcome.stdout}`).to.equal(1);
    return outcome.stderr;
  }
  const path = (name: string) => join(data, name);
  async function fromText(text: string, ...args: readonly string[]): Promise<Outcome> {
    return run(kubectlPath, [...args, '-f', '-'], { env: environment(), input: text });
  }

  it('api-resources, api-versions, version and explain', async () => {
    const resources = await ok('api-resources');
    expect(resources).to.match(/^pipelines +pl +runink\.io\/v1 +true +Pipeline$/m);
    expect(resources).to.match(/^namespaces +ns +v1 +false +Namespace$/m);
    expect(await ok('api-resources', '--api-group=runink.io', '-o', 'name')).to.equal(
      'annotations.runink.io\nbundles.runink.io\ncontracts.runink.io\nherds.runink.io\npipelines.runink.io\nruns.runink.io\nslices.runink.io\n',
    );
    const versions = (await ok('api-versions')).split('\n');
    expect(versions).to.include.members(['apiextensions.k8s.io/v1', 'coordination.k8s.io/v1', 'runink.io/v1', 'v1']);
    expect(await ok('version')).to.match(/^Server Version: v1\.35\.0\+runink/m);
    const explained = await ok('explain', 'pipelines.spec.steps.use');
    expect(explained).to.match(/FIELD: use <string>\nENUM:\n +filter\n +project\n/);
    expect(await ok('explain', 'pipeline', '--recursive')).to.match(
      / {4}steps\t<\[\]Object> -required-\n {6}after\t<\[\]string>\n/,
    );
    expect(await ok('explain', 'secret.metadata.labels')).to.include('FIELD: labels <map[string]string>');
  });

  it('apply creates, leaves alone, configures; diff says what would change', async () => {
    expect(await ok('apply', '-f', path('flow.yaml'))).to.equal('pipeline.runink.io/flow created\n');
    expect(await ok('apply', '-f', path('flow.yaml'))).to.equal('pipeline.runink.io/flow unchanged\n');
    expect((await kubectl('diff', '-f', path('flow.yaml'))).code).to.equal(0);
    const diff = await kubectl('diff', '-f', path('flow2.yaml'));
    expect(diff.code).to.equal(1);
    expect(diff.stdout)
      .to.match(/^- +where: "true"$/m)
      .and.to.match(/^\+ +where: "false"$/m);
    expect(await ok('apply', '-f', path('flow2.yaml'), '--dry-run=server')).to.equal(
      'pipeline.runink.io/flow configured (server dry run)\n',
    );
    expect(await ok('get', 'pipeline', 'flow', '-o', 'jsonpath={.spec.steps[0].with.where}')).to.equal('true');
    expect(await ok('apply', '-f', path('flow2.yaml'))).to.equal('pipeline.runink.io/flow configured\n');
    expect(
      await ok('get', 'pipeline', 'flow', '-o', 'jsonpath={.spec.steps[0].with.where} {.metadata.generation}'),
    ).to.equal('false 2');
    // What apply no longer names goes: the field was set by it before.
    const less = flow.replace('  suspend: true\n', '');
    expect((await fromText(less, 'apply')).stdout).to.equal('pipeline.runink.io/flow configured\n');
    expect(await ok('get', 'pipeline', 'flow', '-o', 'jsonpath={.spec.suspend}')).to.equal('');
  });

  it('get as table, wide, JSON, YAML, name and jsonpath', async () => {
    expect(await ok('get', 'pipelines')).to.match(/^NAME +READY +REASON +LAST RUN +AGE\nflow +\d+s\n$/);
    expect(await ok('get', 'pl', '-o', 'wide')).to.match(/^NAME +READY +REASON +LAST RUN +AGE +MESSAGE\nflow /);
    expect(await ok('get', 'pl', '-A')).to.match(/^NAMESPACE +NAME .*\ndefault +flow /);
    const object = JSON.parse(await ok('get', 'pipeline/flow', '-o', 'json')) as {
      kind: string;
      metadata: { name: string };
    };
    expect(object).to.deep.include({ apiVersion: 'runink.io/v1', kind: 'Pipeline' });
    expect(await ok('get', 'pipeline/flow', '-o', 'yaml')).to.match(/^apiVersion: runink\.io\/v1\nkind: Pipeline\n/);
    expect(await ok('get', 'pipelines', '-o', 'name')).to.equal('pipeline.runink.io/flow\n');
    expect(await ok('get', 'pipelines', '-l', 'app in (x,y)', '-o', 'name')).to.equal('pipeline.runink.io/flow\n');
    expect(await ok('get', 'pipelines', '-l', 'app=z', '-o', 'name')).to.equal('');
    expect(await ok('get', 'pipelines', '--field-selector', 'metadata.name=flow', '-o', 'name')).to.equal(
      'pipeline.runink.io/flow\n',
    );
    expect(await ok('get', 'ns', '--show-labels')).to.match(/^NAME +STATUS +AGE +LABELS\ndefault +Active /);
    expect(await ok('get', 'all', '-o', 'name')).to.equal('pipeline.runink.io/flow\n');
    expect(await fails('get', 'pipeline', 'none')).to.equal(
      'Error from server (NotFound): pipelines.runink.io "none" not found\n',
    );
    expect(await fails('get', 'nosuch')).to.equal('error: the server doesn\'t have a resource type "nosuch"\n');
  });

  it('describe', async () => {
    expect(await ok('describe', 'pipeline', 'flow'))
      .to.match(/^Name: +flow\nNamespace: +default\nLabels: +app=x\n/)
      .and.to.match(/^Kind: +Pipeline$/m)
      .and.to.match(/^ +Where: +true$/m);
    expect(await ok('describe', 'ns', 'default')).to.match(
      /^Name: +default\nLabels: +<none>\nAnnotations: +<none>\nStatus: +Active\n/,
    );
    expect(await ok('describe', 'herd', 'default')).to.match(/^Name: +default\n/);
  });

  it('patch: merge and JSON; strategic is refused for our kinds', async () => {
    expect(await ok('patch', 'pipeline', 'flow', '--type=merge', '-p', '{"spec":{"suspend":true}}')).to.equal(
      'pipeline.runink.io/flow patched\n',
    );
    expect(await ok('patch', 'pipeline', 'flow', '--type=merge', '-p', '{"spec":{"suspend":true}}')).to.equal(
      'pipeline.runink.io/flow patched (no change)\n',
    );
    const operations = '[{"op":"replace","path":"/spec/suspend","value":false}]';
    expect(
      await ok('patch', 'pipeline', 'flow', '--type=json', '-p', operations, '-o', 'jsonpath={.spec.suspend}'),
    ).to.equal('false');
    expect(await fails('patch', 'pipeline', 'flow', '-p', '{"spec":{"suspend":true}}')).to.include(
      'application/strategic-merge-patch+json is not supported by runink.io/v1, Kind=Pipeline',
    );
    expect(await fails('patch', 'pipeline', 'flow', '--type=merge', '-p', '{"spec":{"suspend":"x"}}')).to.include(
      'spec.suspend: Invalid value: "string": spec.suspend in body must be of type boolean: "string"',
    );
  });

  it('label and annotate', async () => {
    expect(await ok('label', 'pipeline', 'flow', 'tier=gold')).to.equal('pipeline.runink.io/flow labeled\n');
    expect(await fails('label', 'pipeline', 'flow', 'tier=tin')).to.include(
      "'tier' already has a value (gold), and --overwrite is false",
    );
    expect(await ok('label', 'pipeline', 'flow', 'tier=tin', '--overwrite')).to.equal(
      'pipeline.runink.io/flow labeled\n',
    );
    expect(await ok('label', 'pipeline', 'flow', 'tier-')).to.equal('pipeline.runink.io/flow unlabeled\n');
    expect(await ok('annotate', 'pipeline', 'flow', 'note=a b')).to.equal('pipeline.runink.io/flow annotated\n');
    expect(
      await ok('get', 'pipeline', 'flow', '-o', 'jsonpath={.metadata.annotations.note}{.metadata.labels.tier}'),
    ).to.equal('a b');
    expect(await ok('label', 'ns', 'default', 'team=a')).to.equal('namespace/default labeled\n');
    expect(await ok('get', 'herd', 'default', '-o', 'jsonpath={.metadata.labels.team}')).to.equal('a');
  });

  it('create, replace and delete', async () => {
    const other = flow.replace('name: flow', 'name: other');
    expect((await fromText(other, 'create')).stdout).to.equal('pipeline.runink.io/other created\n');
    const again = await fromText(other, 'create');
    expect([again.code, again.stderr]).to.deep.equal([
      1,
      'Error from server (AlreadyExists): error when creating "STDIN": pipelines.runink.io "other" already exists\n',
    ]);
    expect((await fromText(other.replace('"true"', '"1"'), 'replace')).stdout).to.equal(
      'pipeline.runink.io/other replaced\n',
    );
    expect((await fromText(other, 'delete')).stdout).to.equal(
      'pipeline.runink.io "other" deleted from default namespace\n',
    );
    expect(await fails('delete', 'pipeline', 'other')).to.equal(
      'Error from server (NotFound): pipelines.runink.io "other" not found\n',
    );
    expect(await ok('delete', 'pipeline', 'other', '--ignore-not-found')).to.equal('');
    await fromText(other.replace('other', 'o1'), 'create');
    await fromText(other.replace('other', 'o2'), 'create');
    expect(await ok('delete', 'pipelines', '-l', 'app=x', '--field-selector', 'metadata.name!=flow')).to.match(
      /"o1" deleted.*\n.*"o2" deleted/,
    );
    expect(await ok('get', 'pipelines', '-o', 'name')).to.equal('pipeline.runink.io/flow\n');
  });

  it('wait for a field, for deletion, and not for ever', async () => {
    expect(await ok('wait', '--for=jsonpath={.spec.suspend}=false', 'pipeline/flow', '--timeout=10s')).to.equal(
      'pipeline.runink.io/flow condition met\n',
    );
    expect(await fails('wait', '--for=condition=Ready', 'pipeline/flow', '--timeout=1s')).to.include(
      'timed out waiting for the condition on pipelines/flow',
    );
    const waiting = ok('wait', '--for=condition=Ready', 'pipeline/flow', '--timeout=30s');
    const status = '{"status":{"conditions":[{"type":"Ready","status":"True","reason":"Resolved","message":"fine"}]}}';
    await ok('patch', 'pipeline', 'flow', '--subresource=status', '--type=merge', '-p', status);
    expect(await waiting).to.equal('pipeline.runink.io/flow condition met\n');
    expect(await ok('get', 'pipeline', 'flow')).to.match(/\nflow +True +Resolved +\d+/);
    const held = flow.replace('name: flow,', 'name: going, finalizers: [a.io/b],');
    expect((await fromText(held, 'create')).stdout).to.equal('pipeline.runink.io/going created\n');
    await ok('delete', 'pipeline', 'going', '--wait=false');
    const gone = ok('wait', '--for=delete', 'pipeline/going', '--timeout=30s');
    await ok('patch', 'pipeline', 'going', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    // It says nothing when the object was gone before it looked.
    expect(await gone).to.match(/^(pipeline\.runink\.io\/going condition met\n)?$/);
  });

  it('get -w follows changes', async () => {
    const child = spawn(kubectlPath, ['get', 'pipelines', '-w', '-o', 'name', '--output-watch-events=false'], {
      env: environment(),
    });
    const lines: string[] = [];
    createInterface(child.stdout).on('line', (line) => lines.push(line));
    const deadline = Date.now() + 30_000;
    const until = async (count: number): Promise<void> => {
      while (lines.length < count) {
        if (Date.now() > deadline) throw new Error(`kubectl printed only ${JSON.stringify(lines)}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    try {
      await until(1);
      await ok('label', 'pipeline', 'flow', 'seen=1');
      await until(2);
      expect((await fromText(flow.replace('name: flow', 'name: late'), 'create')).code).to.equal(0);
      await until(3);
      await ok('delete', 'pipeline', 'late');
      await until(4);
      expect(lines).to.deep.equal(['flow', 'flow', 'late', 'late'].map((name) => `pipeline.runink.io/${name}`));
    } finally {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
  });

  it('events, by get', async () => {
    const uid = await ok('get', 'pipeline', 'flow', '-o', 'jsonpath={.metadata.uid}');
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'flow.1', namespace: 'default' },
      involvedObject: { apiVersion: 'runink.io/v1', kind: 'Pipeline', namespace: 'default', name: 'flow', uid },
      reason: 'Unresolved',
      message: 'contract missing',
      type: 'Warning',
      count: 3,
      firstTimestamp: new Date().toISOString(),
      lastTimestamp: new Date().toISOString(),
    };
    expect((await fromText(JSON.stringify(event), 'create')).stderr).to.equal('');
    expect(await ok('get', 'events')).to.match(
      /^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n\d+s +Warning +Unresolved +pipeline\/flow +contract missing\n$/,
    );
    expect(await ok('describe', 'pipeline', 'flow')).to.match(/Warning +Unresolved .* contract missing/);
    expect(await ok('events', '--for', 'pipeline/flow')).to.match(
      /Warning +Unresolved +Pipeline\/flow +contract missing/,
    );
  });

  it('secrets: create, apply, get, describe, patch, label, delete', async () => {
    expect(await ok('create', 'secret', 'generic', 'key', '--from-literal=password=hunter2')).to.equal(
      'secret/key created\n',
    );
    expect(await ok('get', 'secrets')).to.match(/^NAME +TYPE +DATA +AGE\nkey +Opaque +1 +\d+s\n$/);
    expect(await ok('get', 'secret', 'key', '-o', 'jsonpath={.data.password}')).to.equal(
      Buffer.from('hunter2').toString('base64'),
    );
    expect(await ok('describe', 'secret', 'key')).to.match(/^Type: +Opaque\n\nData\n====\npassword: +7 bytes$/m);
    const manifest = 'apiVersion: v1\nkind: Secret\nmetadata: { name: applied }\ndata: { a: YQ==, b: Yg== }\n';
    expect((await fromText(manifest, 'apply')).stdout).to.equal('secret/applied created\n');
    expect((await fromText(manifest, 'apply')).stdout).to.equal('secret/applied unchanged\n');
    expect((await fromText(manifest.replace(', b: Yg==', ''), 'apply')).stdout).to.equal('secret/applied configured\n');
    expect(await ok('get', 'secret', 'applied', '-o', 'jsonpath={.data}')).to.equal('{"a":"YQ=="}');
    expect(await ok('patch', 'secret', 'applied', '-p', '{"stringData":{"c":"c"}}')).to.equal(
      'secret/applied patched\n',
    );
    expect(await ok('get', 'secret', 'applied', '-o', 'jsonpath={.data.c}')).to.equal('Yw==');
    expect(await ok('label', 'secret', 'applied', 'x=y')).to.equal('secret/applied labeled\n');
    expect(await ok('delete', 'secret', 'key', 'applied')).to.equal(
      'secret "key" deleted from default namespace\nsecret "applied" deleted from default namespace\n',
    );
  });

  it('namespaces: create, apply, get, describe, delete', async () => {
    expect(await ok('create', 'namespace', 'team')).to.equal('namespace/team created\n');
    expect(await fails('create', 'namespace', 'team')).to.equal(
      'Error from server (AlreadyExists): namespaces "team" already exists\n',
    );
    expect(await fails('create', 'namespace', 'Bad_Name')).to.include(
      'metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 label must consist of',
    );
    expect(await ok('get', 'ns', 'team')).to.match(/^NAME +STATUS +AGE\nteam +Active +\d+s\n$/);
    expect(await ok('get', 'herd', 'team', '-o', 'name')).to.equal('herd.runink.io/team\n');
    const manifest = 'apiVersion: v1\nkind: Namespace\nmetadata: { name: other, labels: { a: b } }\n';
    expect((await fromText(manifest, 'apply')).stdout).to.equal('namespace/other created\n');
    expect((await fromText(manifest.replace('a: b', 'a: c'), 'apply')).stdout).to.equal('namespace/other configured\n');
    expect(await ok('get', 'sa', '-n', 'other', '-o', 'name')).to.equal('serviceaccount/default\n');
    expect(await ok('create', 'serviceaccount', 'worker', '-n', 'team')).to.equal('serviceaccount/worker created\n');
    expect(await ok('delete', 'ns', 'team', '--wait=false')).to.equal('namespace "team" deleted\n');
    expect(await ok('get', 'ns', 'team')).to.match(/\nteam +Terminating +\d+s\n$/);
    expect(await fails('create', 'sa', 'late', '-n', 'team')).to.include(
      'serviceaccounts "late" is forbidden: unable to create new content in namespace team because it is being terminated',
    );
    // What the herd controller does once the herd is empty.
    const gone = ok('wait', '--for=delete', 'ns/team', '--timeout=30s');
    await ok('patch', 'herd', 'team', '--type=merge', '-p', '{"spec":{"finalizers":[]}}');
    expect(await gone).to.match(/^(namespace\/team condition met\n)?$/);
    expect(await fails('delete', 'ns', 'default')).to.include(
      'namespaces "default" is forbidden: this namespace may not be deleted',
    );
  });

  it('nodes: cordon, taint and label by strategic merge', async () => {
    const node =
      'apiVersion: v1\nkind: Node\nmetadata: { name: n1 }\nstatus: { conditions: [{ type: Ready, status: "True" }] }\n';
    expect((await fromText(node, 'create')).stdout).to.equal('node/n1 created\n');
    expect(await ok('cordon', 'n1')).to.equal('node/n1 cordoned\n');
    expect(await ok('get', 'nodes')).to.match(/^NAME +STATUS +ISOLATION +AGE +VERSION\nn1 +Ready,SchedulingDisabled /);
    expect(await ok('uncordon', 'n1')).to.equal('node/n1 uncordoned\n');
    expect(await ok('taint', 'nodes', 'n1', 'k=v:NoSchedule')).to.equal('node/n1 tainted\n');
    expect(await ok('get', 'node', 'n1', '-o', 'jsonpath={.spec.taints}')).to.equal(
      '[{"effect":"NoSchedule","key":"k","value":"v"}]',
    );
    expect(await ok('taint', 'nodes', 'n1', 'k-')).to.equal('node/n1 untainted\n');
    expect(await ok('label', 'node', 'n1', 'zone=a')).to.equal('node/n1 labeled\n');
    expect(await ok('describe', 'node', 'n1')).to.match(/^Name: +n1\n/);
    expect(await ok('delete', 'node', 'n1')).to.equal('node "n1" deleted\n');
  });

  it('refuses bad input with a word for it, and does nothing by halves', async () => {
    const unknown = await fromText(flow.replace('use: filter', 'use: filter, bogus: 1'), 'apply');
    expect(unknown.stderr).to.include('strict decoding error: unknown field "spec.steps[0].bogus"');
    const warned = await fromText(
      flow.replace('use: filter', 'use: filter, bogus: 1'),
      'apply',
      '--validate=warn',
      '--dry-run=server',
    );
    expect([warned.code, warned.stderr]).to.deep.equal([0, 'Warning: unknown field "spec.steps[0].bogus"\n']);
    const wrong = await fromText(flow.replace('use: filter', 'use: sorcery'), 'apply');
    expect(wrong.stderr).to.include(
      'spec.steps[0].use: Unsupported value: "sorcery": supported values: "filter", "project"',
    );
    const kind = await fromText(flow.replace('kind: Pipeline', 'kind: Pipelin'), 'apply');
    expect(kind.stderr).to.include('no matches for kind "Pipelin" in version "runink.io/v1"');
    const torn = await fromText('a: [', 'apply');
    expect(torn.stderr).to.include('error parsing STDIN');
    const nowhere = await fromText(flow, 'create', '-n', 'nonesuch');
    expect(nowhere.stderr).to.equal(
      'Error from server (NotFound): error when creating "STDIN": namespaces "nonesuch" not found\n',
    );
    const contract =
      'apiVersion: runink.io/v1\nkind: Contract\nmetadata: { name: c }\nspec: { name: c, version: 1.0.0, schema: { type: string } }\n';
    expect((await fromText(contract, 'apply')).stderr).to.include(
      'spec.schema.type: Invalid value: "string": must be object',
    );
    expect(await fails('apply', '--server-side', '-f', path('flow.yaml'))).to.include(
      'server-side apply is not served yet',
    );
    expect(await ok('get', 'pipeline', 'flow', '-o', 'jsonpath={.spec.steps[0].use}')).to.equal('filter');
  });
});
