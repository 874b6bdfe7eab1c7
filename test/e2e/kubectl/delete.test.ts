// kubectl delete in every way, and wait.
import { expect } from 'chai';
import { documents, flow, flowPath, secret, secretPath } from './manifests.ts';
import { kubectls } from './suite.ts';

kubectls('delete and wait', ({ check, checkNew }) => {
  check('deletes by name, several, and with a slash', async (k, server) => {
    await k.feed(documents(flow('a'), flow('b'), flow('c'), secret('d'))).ok('create', '-f', '-');
    expect(await k.ok('delete', 'pl', 'a')).to.equal(k.deleted('pipeline.runink.io', 'a'));
    expect(await k.ok('delete', 'pl/b', 'secret/d')).to.equal(
      k.deleted('pipeline.runink.io', 'b') + k.deleted('secret', 'd'),
    );
    expect(await k.ok('delete', 'pl', 'c', '-o', 'name')).to.equal('pipeline.runink.io/c\n');
    expect(await server.read(flowPath(k.tag, 'a'))).to.have.property('code', 404);
    expect(await k.fails('delete', 'pl', 'a')).to.equal(
      'Error from server (NotFound): pipelines.runink.io "a" not found\n',
    );
    expect(await k.run('delete', 'pl', 'a', '--ignore-not-found')).to.deep.equal({ code: 0, stdout: '', stderr: '' });
  });

  check('deletes what a file names', async (k) => {
    const file = await k.file('two.yaml', documents(flow('f1'), secret('f2')));
    await k.ok('create', '-f', file);
    expect(await k.ok('delete', '-f', file)).to.equal(
      k.deleted('pipeline.runink.io', 'f1') + k.deleted('secret', 'f2'),
    );
    expect(await k.fails('delete', '-f', file)).to.equal(
      `Error from server (NotFound): error when deleting "${file}": pipelines.runink.io "f1" not found\nError from server (NotFound): error when deleting "${file}": secrets "f2" not found\n`,
    );
    expect(await k.ok('delete', '-f', file, '--ignore-not-found')).to.equal('');
    expect(await k.feed(flow('f3')).run('create', '-f', '-')).to.have.property('code', 0);
    expect(await k.feed(flow('f3')).ok('delete', '-f', '-')).to.equal(k.deleted('pipeline.runink.io', 'f3'));
  });

  check('deletes by selectors and all', async (k, server) => {
    const set = ['s1', 's2', 's3'].map((name) => secret(name, ', labels: { set: d }'));
    await k.feed(documents(...set)).ok('create', '-f', '-');
    expect(await k.ok('delete', 'secrets', '-l', 'set=d', '--field-selector', 'metadata.name!=s3')).to.equal(
      k.deleted('secret', 's1', 's2'),
    );
    expect(await server.read(secretPath(k.tag, 's3'))).to.have.property('kind', 'Secret');
    expect(await k.ok('delete', 'secrets', '--all', '--dry-run=server')).to.match(
      /^secret "s3" deleted.* \(server dry run\)\n$/,
    );
    expect(await k.ok('delete', 'secrets', '--all')).to.equal(k.deleted('secret', 's3'));
    expect((await k.run('delete', 'secrets', '--all')).stdout).to.equal('No resources found\n');
    expect(await k.fails('delete', 'secrets')).to.match(
      /resource\(s\) were provided, but no name(, label selector, or --all flag| was) specified/,
    );
    expect(await k.fails('delete', 'secrets', 'x', '--all')).to.match(
      /^error: (name cannot be provided when a selector is specified|setting 'all' parameter but found a non empty selector)|selectors and the all flag cannot be used/,
    );
  });

  check('only tries', async (k, server) => {
    await k.feed(secret('dry')).ok('create', '-f', '-');
    expect(await k.ok('delete', 'secret', 'dry', '--dry-run=client')).to.match(
      /^secret "dry" deleted.* \(dry run\)\n$/,
    );
    expect(await k.ok('delete', 'secret', 'dry', '--dry-run=server')).to.match(
      /^secret "dry" deleted.* \(server dry run\)\n$/,
    );
    expect(await server.read(secretPath(k.tag, 'dry'))).to.not.have.nested.property('metadata.deletionTimestamp');
  });

  check('takes grace periods, now and force', async (k) => {
    await k.feed(documents(...['g1', 'g2', 'g3', 'g4'].map((name) => secret(name)))).ok('create', '-f', '-');
    expect(await k.ok('delete', 'secret', 'g1', '--grace-period=5')).to.equal(k.deleted('secret', 'g1'));
    expect(await k.ok('delete', 'secret', 'g2', '--now')).to.equal(k.deleted('secret', 'g2'));
    const forced = await k.run('delete', 'secret', 'g3', '--force', '--grace-period=0');
    expect(forced.stdout).to.match(/^secret "g3" force deleted/);
    expect(forced.stderr).to.match(/^[Ww]arning: Immediate deletion does not wait for confirmation/);
    expect(await k.ok('delete', 'secret', 'g4', '--wait=false')).to.equal(k.deleted('secret', 'g4'));
    expect(await k.ok('get', 'secrets', '-o', 'name')).to.not.match(/g\d/);
  });

  check('waits for finalizers, and may not', async (k, server) => {
    await k.feed(flow('held', ', finalizers: [example.com/hold]')).ok('create', '-f', '-');
    const out = await k.run('delete', 'pl', 'held', '--timeout=1s');
    expect(out.code).to.equal(1);
    expect(out.stderr).to.match(/timed out waiting for the condition/);
    const marked = await server.read(flowPath(k.tag, 'held'));
    expect(marked['metadata']).to.include.keys('deletionTimestamp', 'deletionGracePeriodSeconds');
    const waiting = k.ok('delete', 'pl', 'held');
    const waitingToo = k.start('wait', '--for=delete', 'pl/held', '--timeout=20s', '-v=6');
    await waitingToo.until((_, complaints) => /watch=true.*200 OK/.test(complaints));
    await k.ok('patch', 'pl', 'held', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    expect(await waiting).to.equal(k.deleted('pipeline.runink.io', 'held'));
    expect(await waitingToo.ended).to.include({ code: 0, stdout: 'pipeline.runink.io/held condition met\n' });
    expect(await server.read(flowPath(k.tag, 'held'))).to.have.property('code', 404);
  });

  for (const [policy, finalizers] of [
    ['background', ['example.com/hold']],
    ['foreground', ['example.com/hold', 'foregroundDeletion']],
    ['orphan', ['example.com/hold', 'orphan']],
  ] as const) {
    check(`--cascade=${policy}`, async (k, server) => {
      const name = `c-${policy}`;
      await k.feed(flow(name, ', finalizers: [example.com/hold]')).ok('create', '-f', '-');
      await k.ok('delete', 'pl', name, `--cascade=${policy}`, '--wait=false');
      const object = await server.read(flowPath(k.tag, name));
      expect(object['metadata']?.['finalizers']).to.have.members(finalizers);
      await k.ok('patch', 'pl', name, '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
      expect(await server.read(flowPath(k.tag, name))).to.have.property('code', 404);
    });
  }

  check('deletes a herd, whose contents refuse to grow', async (k) => {
    const herd = `${k.tag}-going`;
    await k.ok('create', 'ns', herd);
    expect(await k.ok('delete', 'ns', herd, '--wait=false')).to.equal(`namespace "${herd}" deleted\n`);
    expect(await k.ok('get', 'ns', herd)).to.match(new RegExp(`\\n${herd} +Terminating +\\d+s\\n$`));
    expect(await k.fails('create', 'sa', 'late', '-n', herd)).to.include(
      `serviceaccounts "late" is forbidden: unable to create new content in namespace ${herd} because it is being terminated`,
    );
    // What the herd controller does once the herd is empty.
    const gone = k.start('wait', '--for=delete', `ns/${herd}`, '--timeout=20s', '-v=6');
    await gone.until((_, complaints) => /watch=true.*200 OK/.test(complaints));
    await k.ok('patch', 'herd', herd, '--type=merge', '-p', '{"spec":{"finalizers":[]}}');
    expect(await gone.ended).to.include({ code: 0, stdout: `namespace/${herd} condition met\n` });
    expect(await k.fails('delete', 'ns', 'default')).to.equal(
      'Error from server (Forbidden): namespaces "default" is forbidden: this namespace may not be deleted\n',
    );
  });

  const ready = (status: string): string =>
    JSON.stringify({ status: { conditions: [{ type: 'Ready', status, reason: 'Tried', message: '' }] } });
  const setReady = (path: string, status: string) =>
    [`${path}/status`, JSON.parse(ready(status)) as unknown, 'application/merge-patch+json'] as const;

  check('wait for a condition, met, unmet and not in time', async (k, server) => {
    await k.feed(flow('awaited')).ok('create', '-f', '-');
    const wait = (condition: string, time: string) =>
      k.run('wait', `--for=condition=${condition}`, 'pl/awaited', `--timeout=${time}`);
    const late = await wait('Ready', '1s');
    expect([late.code, late.stderr]).to.deep.equal([
      1,
      'error: timed out waiting for the condition on pipelines/awaited\n',
    ]);
    const waiting = wait('Ready', '20s');
    await server.send('PATCH', ...setReady(flowPath(k.tag, 'awaited'), 'True'));
    expect(await waiting).to.deep.equal({ code: 0, stdout: 'pipeline.runink.io/awaited condition met\n', stderr: '' });
    expect(await wait('Ready', '5s')).to.include({ code: 0 });
    const untrue = wait('Ready=False', '20s');
    await server.send('PATCH', ...setReady(flowPath(k.tag, 'awaited'), 'False'));
    expect(await untrue).to.include({ code: 0, stdout: 'pipeline.runink.io/awaited condition met\n' });
  });

  check('wait for several and for all, and for what is not there', async (k, server) => {
    await k
      .feed(documents(flow('w1', ', labels: { w: wait }'), flow('w2', ', labels: { w: wait }')))
      .ok('create', '-f', '-');
    for (const name of ['w1', 'w2']) await server.send('PATCH', ...setReady(flowPath(k.tag, name), 'True'));
    const met = 'pipeline.runink.io/w1 condition met\npipeline.runink.io/w2 condition met\n';
    expect(await k.ok('wait', '--for=condition=ready', 'pl', '-l', 'w=wait', '--timeout=5s')).to.equal(met);
    expect(await k.ok('wait', '--for=condition=Ready', 'pl/w1', 'pl/w2', '--timeout=5s')).to.equal(met);
    expect(await k.fails('wait', '--for=condition=Ready', 'pl/none', '--timeout=2s')).to.equal(
      'Error from server (NotFound): pipelines.runink.io "none" not found\n',
    );
    expect(await k.fails('wait', '--for=condition=Ready', 'pl', '-l', 'w=none', '--timeout=2s')).to.match(
      /^error: no matching resources found/,
    );
    expect((await k.run('wait', '--for=delete', 'pl/none', '--timeout=5s')).code).to.equal(k.isOld ? 1 : 0);
    expect(await k.fails('wait', '--for=nonsense', 'pl/w1')).to.match(/unrecognized condition: "nonsense"/);
  });

  checkNew('wait for a field and for something to be made', async (k) => {
    const made = k.ok('wait', '--for=create', 'pl/coming', '--timeout=20s');
    await k.feed(flow('coming')).ok('create', '-f', '-');
    expect(await made).to.equal('pipeline.runink.io/coming condition met\n');
    expect(await k.ok('wait', '--for=jsonpath={.spec.suspend}=true', 'pl/coming', '--timeout=5s')).to.equal(
      'pipeline.runink.io/coming condition met\n',
    );
    const field = k.ok('wait', '--for=jsonpath={.metadata.labels.done}', 'pl/coming', '--timeout=20s');
    await k.ok('label', 'pl', 'coming', 'done=yes');
    expect(await field).to.equal('pipeline.runink.io/coming condition met\n');
    expect(await k.fails('wait', '--for=jsonpath={.spec.suspend}=false', 'pl/coming', '--timeout=1s')).to.match(
      /timed out waiting for the condition on pipelines\/coming/,
    );
    expect(await k.fails('wait', '--for=create', 'pl/never', '--timeout=1s')).to.match(
      /timed out waiting for the condition|not found/,
    );
  });
});
