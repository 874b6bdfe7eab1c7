// What a user is told when something cannot be done: every class of refusal, and verbs about things that are not served.
import { expect } from 'chai';
import { flow } from './manifests.ts';
import { kubectls } from './suite.ts';

kubectls('refusals', ({ check, checkNew, setUp }) => {
  setUp(async (k) => void (await k.feed(flow('flow')).ok('create', '-f', '-')));

  check('nobody, and who has no right', async (k) => {
    const config = await k.ok('config', 'view', '--raw', '--flatten');
    const stranger = await k.file(
      'stranger',
      config
        .replace(/client-(certificate|key)-data: .*\n/g, 'token: nope\n'.replace('token', 'token'))
        .replace(/token: nope\n\s*token: nope/, 'token: nope'),
    );
    const outcome = await k.with({ KUBECONFIG: stranger }).run('get', 'pl');
    expect(outcome.code).to.equal(1);
    expect(outcome.stderr).to.match(
      /^error: You must be logged in to the server \((Unauthorized|the server has asked for the client to provide credentials)\)\n$/m,
    );
  });

  check('a server that is not there or too slow', async (k) => {
    const gone = await k.run('get', 'pl', '--server=https://127.0.0.1:1', '--request-timeout=2s');
    expect(gone.code).to.equal(1);
    expect(gone.stderr).to.match(
      /The connection to the server 127\.0\.0\.1:1 was refused - did you specify the right host or port\?/,
    );
    expect(await k.fails('get', 'pl', '--request-timeout=-1')).to.match(/Invalid timeout value/i);
  });

  check('herds that are not there', async (k) => {
    expect(await k.fails('get', 'pl', 'flow', '-n', 'nonesuch')).to.equal(
      'Error from server (NotFound): namespaces "nonesuch" not found\n',
    );
    expect(await k.fails('create', 'sa', 'x', '-n', 'nonesuch')).to.match(/namespaces "nonesuch" not found\n$/);
    expect(await k.fails('create', 'secret', 'generic', 'x', '-n', 'nonesuch')).to.match(
      /namespaces "nonesuch" not found\n$/,
    );
    expect(await k.fails('delete', 'ns', 'nonesuch')).to.equal(
      'Error from server (NotFound): namespaces "nonesuch" not found\n',
    );
  });

  check('many things wrong at once', async (k) => {
    const wrong = `apiVersion: runink.io/v1
kind: Pipeline
metadata: { name: wrong }
spec: { mode: never, steps: [{ use: filter }] }
`;
    const said = await k.feed(wrong).fails('create', '-f', '-', '--validate=false');
    expect(said).to.match(
      /^The Pipeline "wrong" is invalid: \n\* spec\.mode: Unsupported value: "never": supported values: "bounded"\n\* spec\.steps\[0\]\.name: Required value\n/,
    );
  });

  check('fields that stay as they are', async (k) => {
    const contract = (type: string): string =>
      `apiVersion: runink.io/v1\nkind: Contract\nmetadata: { name: c }\nspec: { name: c, version: 1.0.0, schema: { type: object, properties: { a: { type: ${type} } } } }\n`;
    await k.feed(contract('string')).ok('create', '-f', '-');
    expect(await k.feed(contract('integer')).fails('replace', '-f', '-')).to.equal(
      'The Contract "c" is invalid: spec.schema.properties.a.type: Forbidden: field is immutable\n',
    );
  });

  check('conflict', async (k) => {
    const stale = await k.fails('label', 'pl', 'flow', 'a=b', '--resource-version=1');
    expect(stale).to.equal(
      'Error from server (Conflict): Operation cannot be fulfilled on pipelines.runink.io "flow": the object has been modified; please apply your changes to the latest version and try again\n',
    );
  });

  check('too large', async (k) => {
    const large = JSON.stringify({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'large' },
      data: { a: Buffer.alloc(2_500_000).toString('base64') },
    });
    expect(await k.feed(large).fails('create', '-f', '-')).to.match(/Request entity too large: limit is 3145728/);
    const annotated = await k
      .feed(flow('large', `, annotations: { a: ${'x'.repeat(300_000)} }`))
      .fails('create', '-f', '-');
    expect(annotated).to.match(
      /metadata\.annotations: Too long: (may not be more than|must have at most) 262144 (bytes|characters)/,
    );
  });

  check('verbs about things that are not served', async (k) => {
    for (const words of [
      ['get', 'deployments'],
      ['get', 'deployments,pipelines'],
      ['scale', 'deployment/x', '--replicas=1'],
      ['rollout', 'status', 'deployment/x'],
      ['autoscale', 'deployment/x', '--max=3'],
      ['expose', 'deployment/x', '--port=80'],
      ['set', 'image', 'deployment/x', 'a=b'],
    ]) {
      expect(await k.fails(...words), words.join(' ')).to.match(
        /^error: the server doesn't have a resource type "deployments?"\n/,
      );
    }
    expect(await k.fails('scale', 'pl/flow', '--replicas=2')).to.match(/could not find the requested resource/);
    expect(await k.fails('rollout', 'status', 'pl/flow')).to.match(
      /^error: no kind "Pipeline" is registered for version "runink\.io\/v1"/,
    );
    expect(await k.fails('rollout', 'restart', 'pl/flow')).to.match(
      /pipelines\.runink\.io "flow" restarting is not supported|no kind "Pipeline" is registered/,
    );
    expect(await k.fails('create', 'deployment', 'x', '--image=y')).to.match(
      /could not find the requested resource|no matches for kind "Deployment"/,
    );
  });

  check('pods that are not there, and what pods do not do', async (k) => {
    for (const words of [
      ['get', 'pod', 'none'],
      ['logs', 'none'],
      ['exec', 'none', '--', 'ls'],
      ['attach', 'none'],
      ['port-forward', 'pod/none', '1:1'],
      ['delete', 'pod', 'none'],
    ])
      expect(await k.fails(...words), words.join(' ')).to.match(
        /[Ee]rror from server \(NotFound\): pods "none" not found/,
      );
    expect(await k.fails('run', 'made', '--image=x')).to.match(
      /^Error from server \(MethodNotAllowed\): the server does not allow this method on the requested resource/,
    );
    expect(await k.fails('top', 'nodes')).to.equal('error: Metrics API not available\n');
  });

  check('other people', async (k) => {
    expect(await k.fails('get', 'pl', '--as=joe')).to.equal(
      `Error from server (Forbidden): pipelines.runink.io is forbidden: User "joe" cannot list resource "pipelines" in API group "runink.io" in the namespace "${k.tag}"\n`,
    );
    expect(await k.fails('create', 'ns', 'joes', '--as=joe')).to.match(
      /namespaces is forbidden: User "joe" cannot create resource "namespaces" in API group "" at the cluster scope/,
    );
  });

  checkNew('flags and words that kubectl itself refuses', async (k) => {
    expect(await k.fails('get', 'pl', '--nosuch')).to.include('unknown flag: --nosuch');
    expect(await k.fails('conjure')).to.include('unknown command "conjure"');
    expect(await k.fails('get', 'pl', 'flow', '-A')).to.match(
      /a resource cannot be retrieved by name across all namespaces/,
    );
  });
});
