// kubectl apply, the client's own: what it makes, leaves, changes and takes away; diff; prune; what it keeps to know that.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { documents, flow, flowPath, secret, secretPath } from './manifests.ts';
import { kubectls } from './suite.ts';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

kubectls('apply', ({ check, checkNew }) => {
  check('creates, leaves alone, configures', async (k, server) => {
    const apply = (text: string) => k.feed(text).ok('apply', '-f', '-');
    expect(await apply(flow('one'))).to.equal('pipeline.runink.io/one created\n');
    const before = await server.read(flowPath(k.tag, 'one'));
    expect(await apply(flow('one'))).to.equal('pipeline.runink.io/one unchanged\n');
    expect((await server.read(flowPath(k.tag, 'one')))['metadata']).to.deep.equal(before['metadata']);
    expect(await apply(flow('one').replace('"true"', '"false"'))).to.equal('pipeline.runink.io/one configured\n');
    const after = await server.read(flowPath(k.tag, 'one'));
    expect(after).to.have.nested.property('spec.steps[0].with.where', 'false');
    expect(after).to.have.nested.property('metadata.generation', 2);
    const kept: unknown = JSON.parse(String(after['metadata']?.['annotations']?.[lastApplied]));
    expect(kept).to.have.nested.property('spec.steps[0].with.where', 'false');
  });

  check('takes away what it set before and leaves what others set', async (k, server) => {
    const apply = (text: string) => k.feed(text).ok('apply', '-f', '-');
    await apply(flow('mine', ', labels: { a: "1", b: "2" }'));
    await k.ok('label', 'pl', 'mine', 'theirs=3');
    await k.ok('patch', 'pl', 'mine', '--type=merge', '-p', '{"spec":{"parameters":{"p":"q"}}}');
    expect(await apply(flow('mine', ', labels: { a: "9" }').replace('  suspend: true\n', ''))).to.equal(
      'pipeline.runink.io/mine configured\n',
    );
    const object = await server.read(flowPath(k.tag, 'mine'));
    expect(object['metadata']?.['labels']).to.deep.equal({ a: '9', theirs: '3' });
    expect(object).to.have.nested.property('spec.parameters.p', 'q');
    expect(object).to.not.have.nested.property('spec.suspend');
  });

  check('merges kinds of Kubernetes strategically', async (k, server) => {
    const apply = (text: string) => k.feed(text).ok('apply', '-f', '-');
    expect(await apply(secret('s', '', '{ a: YQ==, b: Yg== }'))).to.equal('secret/s created\n');
    expect(await apply(secret('s', '', '{ a: YQ==, b: Yg== }'))).to.equal('secret/s unchanged\n');
    await k.ok('patch', 'secret', 's', '-p', '{"data":{"c":"Yw=="}}');
    expect(await apply(secret('s', '', '{ a: eA== }'))).to.equal('secret/s configured\n');
    expect((await server.read(secretPath(k.tag, 's')))['data']).to.deep.equal({ a: 'eA==', c: 'Yw==' });
  });

  check('warns of what it did not make, and then has it', async (k, server) => {
    await k.feed(flow('found')).ok('create', '-f', '-');
    const first = await k.feed(flow('found')).run('apply', '-f', '-');
    expect([first.code, first.stdout]).to.deep.equal([0, 'pipeline.runink.io/found configured\n']);
    expect(first.stderr).to.match(
      /^Warning: resource pipelines\/found is missing the kubectl\.kubernetes\.io\/last-applied-configuration annotation/,
    );
    expect(await k.feed(flow('found')).run('apply', '-f', '-')).to.deep.equal({
      code: 0,
      stdout: 'pipeline.runink.io/found unchanged\n',
      stderr: '',
    });
    expect((await server.read(flowPath(k.tag, 'found')))['metadata']?.['annotations']).to.have.property(lastApplied);
  });

  check('only tries, here or at the server', async (k, server) => {
    const dry = (text: string, how: string) => k.feed(text).ok('apply', '-f', '-', `--dry-run=${how}`);
    expect(await dry(flow('dry'), 'client')).to.equal('pipeline.runink.io/dry created (dry run)\n');
    expect(await dry(flow('dry'), 'server')).to.equal('pipeline.runink.io/dry created (server dry run)\n');
    expect(await server.read(flowPath(k.tag, 'dry'))).to.have.property('code', 404);
    await k.feed(flow('dry')).ok('apply', '-f', '-');
    expect(await dry(flow('dry'), 'server')).to.equal('pipeline.runink.io/dry unchanged (server dry run)\n');
    expect(await dry(flow('dry').replace('"true"', '"false"'), 'server')).to.equal(
      'pipeline.runink.io/dry configured (server dry run)\n',
    );
    expect(await server.read(flowPath(k.tag, 'dry'))).to.have.nested.property('spec.steps[0].with.where', 'true');
  });

  check('shows what it did in any form', async (k) => {
    expect(await k.feed(flow('shown')).ok('apply', '-f', '-', '-o', 'name')).to.equal('pipeline.runink.io/shown\n');
    expect(await k.feed(flow('shown')).ok('apply', '-f', '-', '-o', 'jsonpath={.metadata.generation}')).to.equal('1');
    expect(await k.feed(flow('shown')).ok('apply', '-f', '-', '-o', 'yaml')).to.match(
      /^apiVersion: runink\.io\/v1\nkind: Pipeline\n/,
    );
  });

  check('applies folders, several documents and kustomizations', async (k) => {
    const folder = join(k.folder, 'tree');
    await mkdir(join(folder, 'deep'), { recursive: true });
    await writeFile(join(folder, 'a.yaml'), documents(secret('tree-a'), flow('tree-b')));
    await writeFile(join(folder, 'deep/c.yml'), secret('tree-c'));
    await writeFile(join(folder, 'notes.txt'), 'no manifest');
    expect(await k.ok('apply', '-f', folder)).to.equal('secret/tree-a created\npipeline.runink.io/tree-b created\n');
    expect(await k.ok('apply', '-R', '-f', folder)).to.equal(
      'secret/tree-a unchanged\npipeline.runink.io/tree-b unchanged\nsecret/tree-c created\n',
    );
    await mkdir(join(k.folder, 'kust'));
    await writeFile(join(k.folder, 'kust/c.yaml'), secret('c'));
    await writeFile(join(k.folder, 'kust/kustomization.yaml'), 'namePrefix: pre-\nresources: [c.yaml]\n');
    expect(await k.ok('apply', '-k', join(k.folder, 'kust'))).to.equal('secret/pre-c created\n');
  });

  check('applies nothing of what is invalid, and the rest', async (k, server) => {
    const wrong = flow('wrong').replace('use: filter', 'use: sorcery');
    const outcome = await k.feed(documents(wrong, secret('right'))).run('apply', '-f', '-', '--validate=false');
    expect([outcome.code, outcome.stdout]).to.deep.equal([1, 'secret/right created\n']);
    expect(outcome.stderr).to.match(
      /^The Pipeline "wrong" is invalid: spec\.steps\[0\]\.use: Unsupported value: "sorcery": supported values: "filter", "project"/,
    );
    expect(await server.read(flowPath(k.tag, 'wrong'))).to.have.property('code', 404);
  });

  check('diff shows what would change, with 1, and nothing, with 0', async (k, server) => {
    await k.feed(flow('differs')).ok('apply', '-f', '-');
    expect(await k.feed(flow('differs')).run('diff', '-f', '-')).to.deep.equal({ code: 0, stdout: '', stderr: '' });
    const changed = await k.feed(flow('differs').replace('"true"', '"false"')).run('diff', '-f', '-');
    expect(changed.code).to.equal(1);
    expect(changed.stdout)
      .to.match(/^- +where: "true"$/m)
      .and.to.match(/^\+ +where: "false"$/m)
      .and.to.match(/^- {2}generation: 1$/m);
    expect(await server.read(flowPath(k.tag, 'differs'))).to.have.nested.property('spec.steps[0].with.where', 'true');
    const fresh = await k.feed(flow('unmade')).run('diff', '-f', '-');
    expect(fresh.code).to.equal(1);
    expect(fresh.stdout).to.match(/^\+kind: Pipeline$/m);
    const broken = await k.feed(flow('differs').replace('use: filter', 'use: sorcery')).run('diff', '-f', '-');
    expect(broken.code).to.be.greaterThan(1);
  });

  checkNew('diff of a secret does not show it', async (k) => {
    await k.feed(secret('hidden', '', '{ a: aHVudGVyMg== }')).ok('apply', '-f', '-');
    const diff = await k.feed(secret('hidden', '', '{ a: b3RoZXI= }')).run('diff', '-f', '-');
    expect(diff.code).to.equal(1);
    expect(diff.stdout).to.not.include('aHVudGVyMg==').and.to.not.include('b3RoZXI=');
    expect(diff.stdout).to.match(/^- +a: '?\*\*\* \(before\)/m);
  });

  check('prunes what is no longer named', async (k, server) => {
    const set = (name: string): string => secret(name, ', labels: { set: p }');
    await k.feed(documents(set('p1'), set('p2'))).ok('apply', '-f', '-');
    await k.feed(secret('p3', ', labels: { set: p }')).ok('create', '-f', '-');
    const pruned = await k
      .feed(set('p1'))
      .ok(
        'apply',
        '-f',
        '-',
        '--prune',
        '-l',
        'set=p',
        k.isOld ? '--prune-whitelist=core/v1/Secret' : '--prune-allowlist=core/v1/Secret',
      );
    expect(pruned).to.equal('secret/p1 unchanged\nsecret/p2 pruned\n');
    expect(await server.read(secretPath(k.tag, 'p2'))).to.have.property('code', 404);
    // What was not applied is nobody's to prune.
    expect(await server.read(secretPath(k.tag, 'p3'))).to.have.property('kind', 'Secret');
  });

  check('last-applied can be seen, set and edited', async (k, server) => {
    await k.feed(flow('last')).ok('apply', '-f', '-');
    expect(await k.ok('apply', 'view-last-applied', 'pl/last', '-o', 'json')).to.include('"suspend": true');
    const file = await k.file('last.yaml', flow('last').replace('suspend: true', 'suspend: false'));
    expect(await k.ok('apply', 'set-last-applied', '-f', file)).to.equal('pipeline.runink.io/last configured\n');
    expect(await k.ok('apply', 'view-last-applied', 'pl/last')).to.match(/^ +suspend: false$/m);
    expect(await server.read(flowPath(k.tag, 'last'))).to.have.nested.property('spec.suspend', true);
    const editor = await k.file('editor', '#!/bin/sh\nsed -i "s/suspend: false/suspend: true/" "$1"\n');
    expect(await k.with({ KUBE_EDITOR: `sh ${editor}` }).ok('apply', 'edit-last-applied', 'pl/last')).to.equal(
      'pipeline.runink.io/last edited\n',
    );
    expect(await k.ok('apply', 'view-last-applied', 'pl/last')).to.match(/^ +suspend: true$/m);
    await k.feed(flow('unsaved')).ok('create', '-f', '-');
    expect(await k.ok('apply', 'view-last-applied', 'pl/unsaved')).to.equal('');
    const other = await k.file('unsaved.yaml', flow('unsaved'));
    expect(await k.fails('apply', 'set-last-applied', '-f', other)).to.match(
      /no last-applied-configuration annotation found/,
    );
    expect(await k.ok('apply', 'set-last-applied', '-f', other, '--create-annotation')).to.equal(
      'pipeline.runink.io/unsaved configured\n',
    );
  });

  checkNew('prunes by allowlist only with a selector or --all', async (k) => {
    expect(await k.feed(secret('x')).fails('apply', '-f', '-', '--prune')).to.match(
      /all resources selected for prune without explicitly passing --all/,
    );
  });
});
