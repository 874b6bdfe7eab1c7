// kubectl create and replace: from files, stdin and its own generators, dry, invalid and doubled.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { documents, flow, flowPath, secret, secretPath } from './manifests.ts';
import { kubectls } from './suite.ts';

kubectls('create and replace', ({ check, checkNew }) => {
  check('creates what a file names, once', async (k, server) => {
    const file = await k.file('one.yaml', flow('one'));
    expect(await k.ok('create', '-f', file)).to.equal('pipeline.runink.io/one created\n');
    const again = await k.fails('create', '-f', file);
    expect(again).to.equal(
      `Error from server (AlreadyExists): error when creating "${file}": pipelines.runink.io "one" already exists\n`,
    );
    expect(await server.read(flowPath(k.tag, 'one'))).to.have.nested.property('metadata.generation', 1);
  });

  check('creates several documents, JSON and lists', async (k, server) => {
    expect(await k.feed(documents(flow('d1'), secret('d2'))).ok('create', '-f', '-')).to.equal(
      'pipeline.runink.io/d1 created\nsecret/d2 created\n',
    );
    const list = {
      apiVersion: 'v1',
      kind: 'List',
      items: [{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'd3' } }],
    };
    expect(await k.feed(JSON.stringify(list)).ok('create', '-f', '-', '-o', 'name')).to.equal('secret/d3\n');
    // One that is there does not keep the others from being made.
    const some = await k.feed(documents(secret('d2'), secret('d4'))).run('create', '-f', '-');
    expect(some).to.deep.equal({
      code: 1,
      stdout: 'secret/d4 created\n',
      stderr: 'Error from server (AlreadyExists): error when creating "STDIN": secrets "d2" already exists\n',
    });
    expect(await server.read(secretPath(k.tag, 'd4'))).to.have.property('kind', 'Secret');
  });

  check('creates what lies in folders', async (k) => {
    const folder = join(k.folder, 'many');
    await mkdir(join(folder, 'deep'), { recursive: true });
    await writeFile(join(folder, 'a.yaml'), secret('many-a'));
    await writeFile(
      join(folder, 'deep/b.json'),
      JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'many-b' } }),
    );
    expect(await k.ok('create', '-f', folder)).to.equal('secret/many-a created\n');
    await k.ok('delete', 'secret', 'many-a');
    expect(await k.ok('create', '-f', folder, '-R')).to.equal('secret/many-a created\nsecret/many-b created\n');
  });

  check('makes up a name', async (k) => {
    const nameless = flow('x').replace('name: x', 'generateName: made-');
    const first = await k.feed(nameless).ok('create', '-f', '-');
    const second = await k.feed(nameless).ok('create', '-f', '-', '-o', 'jsonpath={.metadata.name}');
    expect(first).to.match(/^pipeline\.runink\.io\/made-[a-z0-9]{5} created\n$/);
    expect(second).to.match(/^made-[a-z0-9]{5}$/);
    expect(await k.feed(nameless).fails('apply', '-f', '-')).to.match(/cannot use generate name with apply/);
  });

  check('only tries, here or at the server', async (k, server) => {
    expect(await k.feed(flow('dry')).ok('create', '-f', '-', '--dry-run=client')).to.equal(
      'pipeline.runink.io/dry created (dry run)\n',
    );
    expect(await k.feed(flow('dry')).ok('create', '-f', '-', '--dry-run=server')).to.equal(
      'pipeline.runink.io/dry created (server dry run)\n',
    );
    const made = await k.feed(flow('dry')).ok('create', '-f', '-', '--dry-run=server', '-o', 'json');
    expect(JSON.parse(made))
      .to.have.nested.property('metadata.uid')
      .that.matches(/^[0-9a-f-]{36}$/);
    expect(
      JSON.parse(await k.feed(flow('dry')).ok('create', '-f', '-', '--dry-run=client', '-o', 'json')),
    ).to.not.have.nested.property('metadata.uid');
    const wrong = flow('dry').replace('use: filter', 'use: sorcery');
    expect(await k.feed(wrong).fails('create', '-f', '-', '--dry-run=server', '--validate=false')).to.include(
      'Unsupported value: "sorcery"',
    );
    expect(await server.read(flowPath(k.tag, 'dry'))).to.have.property('code', 404);
  });

  check('shows what it made in any form', async (k) => {
    expect(await k.feed(secret('shown')).ok('create', '-f', '-', '-o', 'yaml')).to.match(
      /^apiVersion: v1\ndata:\n {2}a: YQ==\nkind: Secret\n/,
    );
    expect(await k.feed(secret('shown2')).ok('create', '-f', '-', '-o', 'name')).to.equal('secret/shown2\n');
    expect(await k.feed(secret('shown3')).ok('create', '-f', '-', '-o', 'go-template={{.metadata.name}}')).to.equal(
      'shown3',
    );
  });

  check('keeps how it was made when it is to be applied later', async (k, server) => {
    await k.feed(flow('saved')).ok('create', '-f', '-', '--save-config');
    const { metadata } = await server.read(flowPath(k.tag, 'saved'));
    expect(metadata?.['annotations']).to.have.property('kubectl.kubernetes.io/last-applied-configuration');
    const applied = await k.feed(flow('saved')).run('apply', '-f', '-');
    expect(applied).to.deep.equal({ code: 0, stdout: 'pipeline.runink.io/saved unchanged\n', stderr: '' });
  });

  check('makes secrets of several types', async (k, server) => {
    const file = await k.file('ca.pem', 'pem');
    expect(await k.ok('create', 'secret', 'generic', 'g', '--from-literal=a=1', `--from-file=file=${file}`)).to.equal(
      'secret/g created\n',
    );
    expect((await server.read(secretPath(k.tag, 'g')))['data']).to.deep.equal({ a: 'MQ==', file: 'cGVt' });
    expect(await k.ok('create', 'secret', 'generic', 'typed', '--type=my/type')).to.equal('secret/typed created\n');
    expect(await k.ok('get', 'secret', 'typed', '-o', 'jsonpath={.type}')).to.equal('my/type');
    const login = ['--docker-username=u', '--docker-password=p', '--docker-server=s'];
    expect(await k.ok('create', 'secret', 'docker-registry', 'd', ...login)).to.equal('secret/d created\n');
    expect(await k.ok('get', 'secret', 'd')).to.match(/\nd +kubernetes\.io\/dockerconfigjson +1 +\d+s\n$/);
    expect(await k.fails('create', 'secret', 'generic', 'g', '--from-literal=a=1')).to.include(
      'secrets "g" already exists',
    );
    expect(
      await k.ok('create', 'secret', 'generic', 'g', '--from-literal=a=1', '--dry-run=client', '-o', 'yaml'),
    ).to.match(/^apiVersion: v1\ndata:\n {2}a: MQ==\nkind: Secret\n/);
  });

  check('makes namespaces and service accounts', async (k, server) => {
    expect(await k.ok('create', 'namespace', `${k.tag}-a`)).to.equal(`namespace/${k.tag}-a created\n`);
    expect(await k.ok('create', 'ns', `${k.tag}-b`, '--dry-run=server', '-o', 'name')).to.equal(
      `namespace/${k.tag}-b\n`,
    );
    expect(await server.read(`/api/v1/namespaces/${k.tag}-b`)).to.have.property('code', 404);
    expect(await k.fails('create', 'namespace', `${k.tag}-a`)).to.include(`namespaces "${k.tag}-a" already exists`);
    expect(await k.ok('create', 'serviceaccount', 'worker')).to.equal('serviceaccount/worker created\n');
    expect(await k.ok('get', 'sa', '-o', 'name')).to.equal('serviceaccount/default\nserviceaccount/worker\n');
    expect(await k.ok('get', 'sa', 'worker')).to.match(/^NAME +SECRETS +AGE\nworker +0 +\d+s\n$/);
    expect(await k.fails('create', 'sa', 'worker')).to.include('serviceaccounts "worker" already exists');
  });

  check('refuses names that are none', async (k) => {
    expect(await k.fails('create', 'namespace', 'Bad_Name')).to.include(
      'metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 label must consist of',
    );
    expect(await k.feed(flow('Bad_Name')).fails('create', '-f', '-')).to.match(
      /^The Pipeline "Bad_Name" is invalid: metadata\.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist of/,
    );
    expect(await k.feed(flow('x').replace('name: x', 'labels: {}')).fails('create', '-f', '-')).to.match(
      /resource name may not be empty|name or generateName is required/,
    );
  });

  check('replaces', async (k, server) => {
    await k.feed(flow('again')).ok('create', '-f', '-');
    const { metadata } = await server.read(flowPath(k.tag, 'again'));
    const changed = flow('again').replace('suspend: true', 'suspend: false');
    expect(await k.feed(changed).ok('replace', '-f', '-')).to.equal('pipeline.runink.io/again replaced\n');
    const after = await server.read(flowPath(k.tag, 'again'));
    expect(after).to.have.nested.property('spec.suspend', false);
    expect(after).to.have.nested.property('metadata.generation', 2);
    expect(after['metadata']?.['uid']).to.equal(metadata?.['uid']);
    expect(await k.feed(changed).ok('replace', '-f', '-', '--dry-run=server')).to.equal(
      'pipeline.runink.io/again replaced (server dry run)\n',
    );
  });

  check('replaces nothing that is not there, nor a version that is old', async (k, server) => {
    expect(await k.feed(flow('none')).fails('replace', '-f', '-')).to.match(
      /^Error from server \(NotFound\): error when replacing "STDIN": pipelines\.runink\.io "none" not found\n$/,
    );
    await k.feed(flow('old')).ok('create', '-f', '-');
    const { metadata } = await server.read(flowPath(k.tag, 'old'));
    const seen = String(metadata?.['resourceVersion']);
    await k.ok('label', 'pl', 'old', 'touched=1');
    expect(await k.feed(flow('old', `, resourceVersion: "${seen}"`)).fails('replace', '-f', '-')).to.equal(
      'Error from server (Conflict): error when replacing "STDIN": Operation cannot be fulfilled on pipelines.runink.io "old": the object has been modified; please apply your changes to the latest version and try again\n',
    );
  });

  check('replaces by force: deletes and makes anew', async (k, server) => {
    await k.feed(flow('forced')).ok('create', '-f', '-');
    const before = await server.read(flowPath(k.tag, 'forced'));
    const said = await k.feed(flow('forced')).ok('replace', '--force', '-f', '-');
    expect(said).to.match(/^pipeline\.runink\.io "forced" deleted.*\npipeline\.runink\.io\/forced replaced\n$/);
    const after = await server.read(flowPath(k.tag, 'forced'));
    expect(after['metadata']?.['uid']).to.not.equal(before['metadata']?.['uid']);
    expect(await k.feed(flow('fresh')).ok('replace', '--force', '-f', '-')).to.equal(
      'pipeline.runink.io/fresh replaced\n',
    );
  });

  check('finds unknown fields before it sends anything, or lets them pass', async (k, server) => {
    const bogus = flow('bogus').replace('suspend: true', 'suspend: true, bogus: 1'.replace(', ', '\n  '));
    const refused = await k.feed(bogus).fails('create', '-f', '-');
    if (k.isOld)
      expect(refused).to.match(
        /^error: error validating "STDIN": error validating data: ValidationError\(Pipeline\.spec\): unknown field "bogus"/,
      );
    else
      expect(refused).to.equal(
        'Error from server (BadRequest): error when creating "STDIN": Pipeline in version "v1" cannot be handled as a Pipeline: strict decoding error: unknown field "spec.bogus"\n',
      );
    expect(await server.read(flowPath(k.tag, 'bogus'))).to.have.property('code', 404);
    const passed = await k.feed(bogus).run('create', '-f', '-', '--validate=false');
    expect([passed.code, passed.stdout]).to.deep.equal([0, 'pipeline.runink.io/bogus created\n']);
    expect(await server.read(flowPath(k.tag, 'bogus'))).to.not.have.nested.property('spec.bogus');
  });

  checkNew('--validate=strict, warn and ignore', async (k) => {
    const bogus = (name: string): string => flow(name).replace('suspend: true', 'suspend: true\n  bogus: 1');
    expect(await k.feed(bogus('b1')).fails('create', '-f', '-', '--validate=strict')).to.include(
      'strict decoding error: unknown field "spec.bogus"',
    );
    const warned = await k.feed(bogus('b2')).run('create', '-f', '-', '--validate=warn');
    expect(warned).to.deep.equal({
      code: 0,
      stdout: 'pipeline.runink.io/b2 created\n',
      stderr: 'Warning: unknown field "spec.bogus"\n',
    });
    const ignored = await k.feed(bogus('b3')).run('create', '-f', '-', '--validate=ignore');
    expect(ignored).to.deep.equal({ code: 0, stdout: 'pipeline.runink.io/b3 created\n', stderr: '' });
  });

  check('says what it cannot read', async (k) => {
    expect(await k.feed('a: [').fails('create', '-f', '-')).to.match(/error parsing STDIN/);
    expect(await k.feed('a: b').fails('create', '-f', '-')).to.match(/Object 'Kind' is missing|apiVersion not set/);
    expect(await k.feed('').fails('create', '-f', '-')).to.equal('error: no objects passed to create\n');
    expect(await k.fails('create', '-f', 'nosuch.yaml')).to.equal('error: the path "nosuch.yaml" does not exist\n');
    expect(await k.feed(flow('x').replace('kind: Pipeline', 'kind: Pipelin')).fails('create', '-f', '-')).to.match(
      /no matches for kind "Pipelin" in version "runink\.io\/v1"/,
    );
    expect(await k.feed(flow('x').replace('runink.io/v1', 'nosuch.io/v1')).fails('create', '-f', '-')).to.match(
      /no matches for kind "Pipeline" in version "nosuch\.io\/v1"/,
    );
    expect(await k.feed(flow('x', ', namespace: other')).fails('create', '-f', '-', '-n', k.tag)).to.match(
      new RegExp(`the namespace from the provided object "other" does not match the namespace "${k.tag}"`),
    );
    expect(await k.feed(flow('x')).fails('create', '-f', '-', '-n', 'nonesuch')).to.equal(
      'Error from server (NotFound): error when creating "STDIN": namespaces "nonesuch" not found\n',
    );
  });
});
