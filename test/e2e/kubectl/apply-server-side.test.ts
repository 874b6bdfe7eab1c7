// kubectl apply --server-side: owners, conflicts, force, fields that nobody names any more, and how it goes with the other apply.
import { expect } from 'chai';
import { secret, secretPath } from './manifests.ts';
import { type Json, kubectls } from './suite.ts';
import { defineWidgets, widget, widgetPath } from './widgets.ts';

/** Who wrote what of an object, as `MANAGER OPERATION [SUBRESOURCE]`. */
const managers = (object: Json): readonly string[] =>
  Object.values(object['metadata']?.['managedFields'] ?? {}).map((entry) =>
    ['manager', 'operation', 'subresource'].flatMap((field) => entry[field] ?? []).join(' '),
  );

kubectls('apply --server-side', ({ check, checkNew, setUp }) => {
  setUp(defineWidgets);

  check('makes, leaves alone and changes, always saying serverside-applied', async (k, server) => {
    const apply = (spec: string) => k.feed(widget('one', spec)).ok('apply', '--server-side', '-f', '-');
    expect(await apply('{ size: small, note: a }')).to.equal('widget.example.com/one serverside-applied\n');
    const before = await server.read(widgetPath(k.tag, 'one'));
    expect(managers(before)).to.deep.equal(['kubectl Apply']);
    expect(before['metadata']).to.not.have.property('annotations');
    expect(await apply('{ size: small, note: a }')).to.equal('widget.example.com/one serverside-applied\n');
    expect((await server.read(widgetPath(k.tag, 'one')))['metadata']).to.deep.equal(before['metadata']);
    await apply('{ size: small, note: b }');
    expect(await server.read(widgetPath(k.tag, 'one'))).to.have.nested.property('spec.note', 'b');
    // What it no longer names it gives up, and with it the field.
    await apply('{ size: small }');
    expect((await server.read(widgetPath(k.tag, 'one')))['spec']).to.deep.equal({ size: 'small', replicas: 1 });
  });

  check('names who owns what it may not take, and takes it by force', async (k, server) => {
    const apply = (manager: string, spec: string, ...more: readonly string[]) =>
      k.feed(widget('fought', spec)).run('apply', '--server-side', `--field-manager=${manager}`, ...more, '-f', '-');
    expect(await apply('ann', '{ size: small, note: anns }')).to.include({ code: 0 });
    const refused = await apply('bob', '{ size: small, note: bobs }');
    expect(refused.code).to.equal(1);
    expect(refused.stderr).to.match(/Apply failed with 1 conflict: conflict with "ann": \.spec\.note\n/);
    expect(refused.stderr).to.include('Please review the fields above--they currently have other managers.');
    expect(await server.read(widgetPath(k.tag, 'fought'))).to.have.nested.property('spec.note', 'anns');
    expect(await apply('bob', '{ size: small, note: bobs }', '--force-conflicts')).to.include({
      code: 0,
      stdout: 'widget.example.com/fought serverside-applied\n',
    });
    const object = await server.read(widgetPath(k.tag, 'fought'));
    expect(object).to.have.nested.property('spec.note', 'bobs');
    expect(managers(object)).to.have.members(['ann Apply', 'bob Apply']);
    // Shared by both, so that one may leave it.
    expect(await apply('ann', '{ size: small }')).to.include({ code: 0 });
    expect(await server.read(widgetPath(k.tag, 'fought'))).to.have.nested.property('spec.note', 'bobs');
  });

  check('conflicts with what was written otherwise', async (k, server) => {
    await k.feed(widget('written', '{ size: small, note: first }')).ok('create', '-f', '-');
    await k.ok('patch', 'wd', 'written', '--type=merge', '-p', '{"spec":{"note":"patched"}}');
    const refused = await k
      .feed(widget('written', '{ size: small, note: mine }'))
      .fails('apply', '--server-side', '-f', '-');
    expect(refused).to.match(
      /Apply failed with 1 conflict: conflict with "kubectl-patch" using example\.com\/v1: \.spec\.note/,
    );
    expect(await server.read(widgetPath(k.tag, 'written'))).to.have.nested.property('spec.note', 'patched');
  });

  check('merges lists by their keys', async (k, server) => {
    const apply = (manager: string, parts: string) =>
      k
        .feed(widget('listed', `{ size: small, parts: ${parts} }`))
        .ok('apply', '--server-side', `--field-manager=${manager}`, '-f', '-');
    await apply('ann', '[{ name: a, count: 1 }]');
    await apply('bob', '[{ name: b, count: 2 }]');
    expect((await server.read(widgetPath(k.tag, 'listed')))['spec']?.['parts']).to.deep.equal([
      { name: 'a', count: 1 },
      { name: 'b', count: 2 },
    ]);
    await apply('ann', '[]');
    expect((await server.read(widgetPath(k.tag, 'listed')))['spec']?.['parts']).to.deep.equal([
      { name: 'b', count: 2 },
    ]);
  });

  check('only tries', async (k, server) => {
    const said = await k.feed(widget('dry')).ok('apply', '--server-side', '--dry-run=server', '-f', '-');
    expect(said).to.equal('widget.example.com/dry serverside-applied (server dry run)\n');
    expect(await server.read(widgetPath(k.tag, 'dry'))).to.have.property('code', 404);
    expect(await k.feed(widget('dry')).fails('apply', '--server-side', '--dry-run=client', '-f', '-')).to.match(
      /--dry-run=client doesn't work with --server-side/,
    );
    expect(await k.feed(widget('dry')).fails('apply', '--force-conflicts', '-f', '-')).to.match(
      /--force-conflicts only works with --server-side/,
    );
  });

  check('shows what it did, and differs', async (k) => {
    expect(
      await k.feed(widget('shown')).ok('apply', '--server-side', '-f', '-', '-o', 'jsonpath={.spec.replicas}'),
    ).to.equal('1');
    const diff = await k.feed(widget('shown', '{ size: large }')).run('diff', '--server-side', '-f', '-');
    expect(diff.code).to.equal(1);
    expect(diff.stdout)
      .to.match(/^- +size: small$/m)
      .and.to.match(/^\+ +size: large$/m);
  });

  check('works for secrets too', async (k, server) => {
    expect(await k.feed(secret('s', '', '{ a: YQ==, b: Yg== }')).ok('apply', '--server-side', '-f', '-')).to.equal(
      'secret/s serverside-applied\n',
    );
    expect(await k.feed(secret('s', '', '{ a: eA== }')).ok('apply', '--server-side', '-f', '-')).to.equal(
      'secret/s serverside-applied\n',
    );
    expect((await server.read(secretPath(k.tag, 's')))['data']).to.deep.equal({ a: 'eA==' });
  });

  check('refuses what is invalid', async (k) => {
    expect(
      await k.feed(widget('bad', '{ size: huge }')).fails('apply', '--server-side', '-f', '-', '--validate=false'),
    ).to.match(/spec\.size: Unsupported value: "huge"/);
    expect(
      await k.feed(widget('bad').replace('name: bad', 'generateName: bad')).fails('apply', '--server-side', '-f', '-'),
    ).to.match(/cannot use generate name with apply|name is required/i);
  });

  check('says who wrote what in other ways', async (k, server) => {
    await k.feed(widget('managed')).ok('create', '-f', '-');
    await k.ok('label', 'wd', 'managed', 'a=b');
    await k.ok(
      'patch',
      'wd',
      'managed',
      '--type=merge',
      '-p',
      '{"spec":{"note":"x"}}',
      ...(k.isOld ? [] : ['--field-manager=me']),
    );
    await server.send(
      'PATCH',
      `${widgetPath(k.tag, 'managed')}/status?fieldManager=boss`,
      { status: { replicas: 1 } },
      'application/merge-patch+json',
    );
    const who = managers(await server.read(widgetPath(k.tag, 'managed')));
    expect(who).to.include('kubectl-create Update').and.to.include('boss Update status');
    expect(who).to.include(k.isOld ? 'kubectl-patch Update' : 'me Update');
  });

  checkNew('takes over from the other apply, and hides and shows owners', async (k, server) => {
    await k.feed(widget('moved', '{ size: small, note: a }')).ok('apply', '-f', '-');
    expect(await k.feed(widget('moved', '{ size: small, note: b }')).ok('apply', '--server-side', '-f', '-')).to.equal(
      'widget.example.com/moved serverside-applied\n',
    );
    expect(await server.read(widgetPath(k.tag, 'moved'))).to.have.nested.property('spec.note', 'b');
    await k.feed(widget('moved', '{ size: small }')).ok('apply', '--server-side', '-f', '-');
    expect(await server.read(widgetPath(k.tag, 'moved'))).to.not.have.nested.property('spec.note');
    expect(await k.ok('get', 'wd', 'moved', '-o', 'yaml')).to.not.include('managedFields');
    expect(await k.ok('get', 'wd', 'moved', '-o', 'yaml', '--show-managed-fields')).to.match(
      /^ {2}managedFields:\n(.*\n)* {4}manager: kubectl\n/m,
    );
  });
});
