// kubectl patch, edit, label and annotate.
import { expect } from 'chai';
import { flow, flowPath, secret, secretPath } from './manifests.ts';
import { kubectls } from './suite.ts';

kubectls('patch, edit, label, annotate', ({ check, checkNew, setUp }) => {
  setUp(async (k) => void (await k.feed(flow('flow', ', labels: { app: x }')).ok('create', '-f', '-')));

  check('merge patch', async (k, server) => {
    const patch = ['patch', 'pl', 'flow', '--type=merge', '-p'];
    expect(await k.ok(...patch, '{"spec":{"suspend":false,"parameters":{"a":"b"}}}')).to.equal(
      'pipeline.runink.io/flow patched\n',
    );
    expect(await k.ok(...patch, '{"spec":{"suspend":false}}')).to.equal(
      'pipeline.runink.io/flow patched (no change)\n',
    );
    expect(await k.ok(...patch, '{"spec":{"parameters":null}}')).to.equal('pipeline.runink.io/flow patched\n');
    expect(await server.read(flowPath(k.tag, 'flow'))).to.not.have.nested.property('spec.parameters');
    expect(await k.ok(...patch, 'spec: { suspend: true }', '-o', 'jsonpath={.spec.suspend}')).to.equal('true');
  });

  check('JSON patch', async (k) => {
    const patch = (operations: unknown) => ['patch', 'pl', 'flow', '--type=json', '-p', JSON.stringify(operations)];
    const shown = ['-o', 'jsonpath={.spec.parameters}'];
    expect(await k.ok(...patch([{ op: 'add', path: '/spec/parameters', value: { a: '1' } }]), ...shown)).to.equal(
      '{"a":"1"}',
    );
    expect(
      await k.ok(...patch([{ op: 'copy', from: '/spec/parameters/a', path: '/spec/parameters/b' }]), ...shown),
    ).to.equal('{"a":"1","b":"1"}');
    expect(
      await k.ok(
        ...patch([
          { op: 'test', path: '/spec/parameters/a', value: '1' },
          { op: 'remove', path: '/spec/parameters/a' },
        ]),
        ...shown,
      ),
    ).to.equal('{"b":"1"}');
    expect(await k.fails(...patch([{ op: 'test', path: '/spec/parameters/b', value: '9' }]))).to.match(
      /^The request is invalid/,
    );
    expect(await k.fails(...patch([{ op: 'remove', path: '/spec/nosuch' }]))).to.match(/^The request is invalid/);
    expect(await k.fails(...patch({ op: 'add' }))).to.match(/cannot unmarshal object/);
  });

  check('strategic patch of Kubernetes’ kinds only', async (k, server) => {
    await k.feed(secret('s')).ok('create', '-f', '-');
    expect(await k.ok('patch', 'secret', 's', '-p', '{"stringData":{"c":"c"}}')).to.equal('secret/s patched\n');
    expect((await server.read(secretPath(k.tag, 's')))['data']).to.deep.equal({ a: 'YQ==', c: 'Yw==' });
    expect(
      await k.ok('patch', 'secret', 's', '--type=strategic', '-p', '{"data":{"$patch":"replace","d":"ZA=="}}'),
    ).to.equal('secret/s patched\n');
    expect((await server.read(secretPath(k.tag, 's')))['data']).to.deep.equal({ d: 'ZA==' });
    expect(await k.fails('patch', 'pl', 'flow', '-p', '{"spec":{"suspend":true}}')).to.match(
      k.isOld
        ? /^Error from server \(UnsupportedMediaType\): the body of the request was in an unknown format - accepted media types include: application\/json-patch\+json, application\/merge-patch\+json/
        : /^error: application\/strategic-merge-patch\+json is not supported by runink\.io\/v1, Kind=Pipeline: the body of the request was in an unknown format/,
    );
  });

  check('patches what a file names, by a file, and only tries', async (k, server) => {
    await k.feed(flow('filed')).ok('create', '-f', '-');
    const file = await k.file('filed.yaml', flow('filed'));
    expect(await k.ok('patch', '-f', file, '--type=merge', '-p', '{"spec":{"suspend":false}}')).to.equal(
      'pipeline.runink.io/filed patched\n',
    );
    const dry = ['patch', 'pl/filed', '--type=merge', '-p', '{"spec":{"suspend":true}}'];
    expect(await k.ok(...dry, '--dry-run=server')).to.match(/^pipeline\.runink\.io\/filed patched/);
    expect(await k.ok(...dry, '--dry-run=client')).to.match(/^pipeline\.runink\.io\/filed patched/);
    expect(await server.read(flowPath(k.tag, 'filed'))).to.have.nested.property('spec.suspend', false);
    const patch = await k.file('patch.yaml', 'spec: { suspend: true }\n');
    expect(
      await k.ok(
        'patch',
        'pl',
        'filed',
        '--type=merge',
        k.isOld ? '-p' : '--patch-file',
        k.isOld ? 'spec: { suspend: true }' : patch,
      ),
    ).to.equal('pipeline.runink.io/filed patched\n');
  });

  check('refuses patches that do not fit', async (k, server) => {
    const before = await server.read(flowPath(k.tag, 'flow'));
    const patch = ['patch', 'pl', 'flow', '--type=merge', '-p'];
    expect(await k.fails(...patch, '{"spec":{"suspend":"x"}}')).to.equal(
      'The Pipeline "flow" is invalid: spec.suspend: Invalid value: "string": spec.suspend in body must be of type boolean: "string"\n',
    );
    expect(await k.fails(...patch, '{"metadata":{"name":"other"}}')).to.match(
      /the name of the object \(other\) does not match the name on the URL \(flow\)/,
    );
    expect(await k.fails(...patch, '{"metadata":{"resourceVersion":"1"}}')).to.match(
      /^Error from server \(Conflict\): Operation cannot be fulfilled on pipelines\.runink\.io "flow"/,
    );
    expect(await k.fails(...patch, '{')).to.equal(
      'Error from server (BadRequest): error decoding patch: unexpected end of JSON input\n',
    );
    expect(await k.fails('patch', 'pl', 'none', '--type=merge', '-p', '{}')).to.equal(
      'Error from server (NotFound): pipelines.runink.io "none" not found\n',
    );
    expect(await k.fails('patch', 'pl', 'flow', '--type=odd', '-p', '{}')).to.match(
      /--type must be one of \[json merge strategic\]/,
    );
    expect((await server.read(flowPath(k.tag, 'flow')))['metadata']).to.deep.equal(before['metadata']);
  });

  checkNew('patches the status alone', async (k, server) => {
    const status = '{"spec":{"suspend":false},"status":{"lastRun":"r1"}}';
    expect(await k.ok('patch', 'pl', 'flow', '--subresource=status', '--type=merge', '-p', status)).to.equal(
      'pipeline.runink.io/flow patched\n',
    );
    const object = await server.read(flowPath(k.tag, 'flow'));
    expect(object).to.have.nested.property('status.lastRun', 'r1');
    expect(object).to.have.nested.property('spec.suspend', true);
    expect(await k.fails('patch', 'pl', 'flow', '--subresource=nosuch', '--type=merge', '-p', '{}')).to.match(
      /invalid subresource value: "nosuch"|the server could not find the requested resource/,
    );
  });

  const editing = (script: string): string => `#!/bin/sh\n${script}\n`;
  check('edit', async (k, server) => {
    await k.feed(flow('edited')).ok('create', '-f', '-');
    const change = await k.file('change', editing('sed -i "s/suspend: true/suspend: false/" "$1"'));
    expect(await k.with({ KUBE_EDITOR: `sh ${change}` }).ok('edit', 'pl', 'edited')).to.equal(
      'pipeline.runink.io/edited edited\n',
    );
    expect(await server.read(flowPath(k.tag, 'edited'))).to.have.nested.property('spec.suspend', false);
    const nothing = await k.with({ EDITOR: 'true' }).run('edit', 'pl/edited');
    expect(nothing.code).to.equal(0);
    expect(nothing.stdout + nothing.stderr).to.equal('Edit cancelled, no changes made.\n');
    const fails = await k.with({ KUBE_EDITOR: 'false' }).run('edit', 'pl/edited');
    expect(fails.code).to.equal(1);
    expect(fails.stderr).to.match(/there was a problem with the editor "false"/);
    expect(await k.with({ KUBE_EDITOR: 'true' }).fails('edit', 'pl/none')).to.include(
      'pipelines.runink.io "none" not found',
    );
  });

  check('edit opens again with the reason when what it got is invalid', async (k, server) => {
    await k.feed(flow('retried')).ok('create', '-f', '-');
    // Wrong at first; the second time it finds the reason in the file, and gives up by leaving it as it is.
    const script = await k.file(
      'retry',
      editing(`cat "$1" > ${k.folder}/seen; sed -i "s/suspend: true/suspend: maybe/" "$1"`),
    );
    const outcome = await k.with({ KUBE_EDITOR: `sh ${script}` }).run('edit', 'pl/retried', '--validate=false');
    expect(outcome.code).to.equal(1);
    expect(outcome.stderr).to.match(/spec\.suspend: Invalid value: "string"|A copy of your changes has been stored/);
    expect(await server.read(flowPath(k.tag, 'retried'))).to.have.nested.property('spec.suspend', true);
  });

  check('edit of several kinds, secrets too', async (k, server) => {
    await k.feed(secret('opened')).ok('create', '-f', '-');
    const change = await k.file('change-secret', editing('sed -i "s/a: YQ==/a: Yg==/" "$1"'));
    expect(await k.with({ KUBE_EDITOR: `sh ${change}` }).ok('edit', 'secret/opened')).to.equal(
      'secret/opened edited\n',
    );
    expect((await server.read(secretPath(k.tag, 'opened')))['data']).to.deep.equal({ a: 'Yg==' });
  });

  check('label: adds, refuses to change, changes, takes away', async (k, server) => {
    const labels = async (): Promise<unknown> =>
      (await server.read(flowPath(k.tag, 'labelled')))['metadata']?.['labels'];
    await k.feed(flow('labelled')).ok('create', '-f', '-');
    expect(await k.ok('label', 'pl', 'labelled', 'tier=gold', 'zone=a')).to.equal(
      'pipeline.runink.io/labelled labeled\n',
    );
    expect(await k.fails('label', 'pl', 'labelled', 'tier=tin')).to.equal(
      "error: 'tier' already has a value (gold), and --overwrite is false\n",
    );
    expect(await k.ok('label', 'pl/labelled', 'tier=tin', '--overwrite')).to.equal(
      'pipeline.runink.io/labelled labeled\n',
    );
    expect(await labels()).to.deep.equal({ tier: 'tin', zone: 'a' });
    expect(await k.ok('label', 'pl', 'labelled', 'tier=tin', '--overwrite')).to.equal(
      'pipeline.runink.io/labelled not labeled\n',
    );
    expect(await k.ok('label', 'pl', 'labelled', 'tier-')).to.equal(
      `pipeline.runink.io/labelled ${k.isOld ? 'labeled' : 'unlabeled'}\n`,
    );
    expect(await labels()).to.deep.equal({ zone: 'a' });
    const gone = await k.run('label', 'pl', 'labelled', 'tier-');
    expect(gone.code).to.equal(0);
    expect(gone.stdout + gone.stderr).to.include('label "tier" not found.');
    expect(await k.ok('label', 'pl', 'labelled', '--list')).to.equal('zone=a\n');
  });

  check('label: by selector, all, dry, at a version, and what is no label', async (k, server) => {
    await k.feed(flow('l1', ', labels: { set: l }')).ok('create', '-f', '-');
    await k.feed(flow('l2', ', labels: { set: l }')).ok('create', '-f', '-');
    expect(await k.ok('label', 'pl', '-l', 'set=l', 'new=1')).to.equal(
      'pipeline.runink.io/l1 labeled\npipeline.runink.io/l2 labeled\n',
    );
    expect(await k.ok('label', 'pl', '--all', 'every=1')).to.match(
      /^pipeline\.runink\.io\/\w+ labeled\n(.*\n)*pipeline\.runink\.io\/l2 labeled\n/,
    );
    expect(await k.ok('label', 'pl', 'l1', 'dry=1', '--dry-run=server')).to.match(/^pipeline\.runink\.io\/l1 labeled/);
    expect(
      await k.ok('label', 'pl', 'l1', 'dry=1', '--dry-run=client', '-o', 'jsonpath={.metadata.labels.dry}'),
    ).to.equal('1');
    expect((await server.read(flowPath(k.tag, 'l1')))['metadata']?.['labels']).to.not.have.property('dry');
    expect(await k.fails('label', 'pl', 'l1', 'x=y', '--resource-version=1')).to.match(/the object has been modified/);
    expect(await k.fails('label', 'pl', 'l1', 'x=not a label')).to.match(
      /invalid label value: "x=not a label"|a valid label must be/,
    );
    expect(await k.fails('label', 'pl', 'l1', '-x-=y')).to.match(/unknown (shorthand )?flag|invalid/);
    expect(await k.fails('label', 'pl', 'none', 'a=b')).to.include('pipelines.runink.io "none" not found');
    const file = await k.file('l2.yaml', flow('l2'));
    expect(await k.ok('label', '-f', file, 'byfile=1')).to.equal('pipeline.runink.io/l2 labeled\n');
  });

  check('annotate: adds, refuses to change, changes, takes away', async (k, server) => {
    const annotations = async (): Promise<unknown> =>
      (await server.read(flowPath(k.tag, 'noted')))['metadata']?.['annotations'];
    await k.feed(flow('noted')).ok('create', '-f', '-');
    expect(await k.ok('annotate', 'pl', 'noted', 'note=a b', 'example.com/x={"a":1}')).to.equal(
      'pipeline.runink.io/noted annotated\n',
    );
    expect(await annotations()).to.deep.equal({ note: 'a b', 'example.com/x': '{"a":1}' });
    expect(await k.fails('annotate', 'pl', 'noted', 'note=c')).to.match(
      /--overwrite is false but found the following declared annotation\(s\): 'note' already has a value \(a b\)/,
    );
    expect(await k.ok('annotate', 'pl', 'noted', 'note=c', '--overwrite')).to.equal(
      'pipeline.runink.io/noted annotated\n',
    );
    expect(await k.ok('annotate', 'pl', 'noted', 'example.com/x-')).to.equal('pipeline.runink.io/noted annotated\n');
    expect(await annotations()).to.deep.equal({ note: 'c' });
    expect(await k.ok('annotate', 'pl', 'noted', 'dry=1', '--dry-run=server')).to.match(
      /^pipeline\.runink\.io\/noted annotated/,
    );
    expect(await k.fails('annotate', 'pl', 'noted', 'bad key=1')).to.match(/invalid|Invalid value: "bad key"/);
    expect(await annotations()).to.deep.equal({ note: 'c' });
  });

  check('label and annotate what is in no herd', async (k) => {
    expect(await k.ok('label', 'ns', k.tag, 'team=a')).to.equal(`namespace/${k.tag} labeled\n`);
    expect(await k.ok('get', 'herd', k.tag, '-o', 'jsonpath={.metadata.labels.team}')).to.equal('a');
    expect(await k.ok('annotate', 'ns', k.tag, 'note=b')).to.equal(`namespace/${k.tag} annotated\n`);
    expect(await k.ok('get', 'ns', k.tag, '-o', 'jsonpath={.metadata.annotations.note}')).to.equal('b');
  });
});
