// Objects of a user's kind: columns, defaults, pruning, validation, rules, status, scale and all that verbs do with them.
import { expect } from 'chai';
import { documents } from './manifests.ts';
import { kubectls } from './suite.ts';
import { defineWidgets, widget, widgetPath } from './widgets.ts';

kubectls('custom objects', ({ check, checkNew, setUp }) => {
  setUp(async (k, server) => {
    await defineWidgets(k, server);
    await k.feed(widget('one', '{ size: small, note: hello }', ', labels: { app: x }')).ok('create', '-f', '-');
  });

  check('are shown in the columns that their definition names', async (k, server) => {
    const status = { status: { conditions: [{ type: 'Ready', status: 'True' }] } };
    await server.send('PATCH', `${widgetPath(k.tag, 'one')}/status`, status, 'application/merge-patch+json');
    expect(await k.ok('get', 'wd', 'one')).to.match(/^NAME +SIZE +REPLICAS +READY +AGE\none +small +1 +True +\d+s\n$/);
    expect(await k.ok('get', 'wd', 'one', '-o', 'wide')).to.match(
      /^NAME +SIZE +REPLICAS +READY +NOTE +AGE\none +small +1 +True +hello +\d+s\n$/,
    );
    expect(await k.ok('get', 'wd', '-A', '--no-headers')).to.match(new RegExp(`^${k.tag} +one +small`, 'm'));
    expect(
      await k.ok('get', 'wd', '--sort-by=.spec.replicas', '-o', 'custom-columns=N:.metadata.name,S:.spec.size'),
    ).to.match(/^N +S\n/);
    expect(await k.ok('get', 'wd', '--field-selector=spec.size=small', '-o', 'name')).to.include(
      'widget.example.com/one\n',
    );
    expect(await k.ok('get', 'wd', '--field-selector=spec.size=large,metadata.name=one', '-o', 'name')).to.equal('');
    expect(await k.fails('get', 'wd', '--field-selector=spec.note=x')).to.include(
      'field label not supported: spec.note',
    );
  });

  check('get defaults and lose what is not declared', async (k, server) => {
    const spec = '{ size: small, parts: [{ name: a }], free: { any: { thing: 1 } }, port: 80, bogus: 1 }';
    expect(await k.feed(widget('pruned', spec)).ok('create', '-f', '-', '--validate=false')).to.equal(
      'widget.example.com/pruned created\n',
    );
    expect((await server.read(widgetPath(k.tag, 'pruned')))['spec']).to.deep.equal({
      size: 'small',
      replicas: 1,
      parts: [{ name: 'a', count: 3 }],
      free: { any: { thing: 1 } },
      port: 80,
    });
    expect(await k.ok('patch', 'wd', 'pruned', '--type=merge', '-p', '{"spec":{"port":"http","bogus":2}}')).to.match(
      /patched/,
    );
    const after = await server.read(widgetPath(k.tag, 'pruned'));
    expect(after).to.have.nested.property('spec.port', 'http');
    expect(after).to.not.have.nested.property('spec.bogus');
  });

  check('are refused when they break their schema, all faults at once', async (k) => {
    const create = (spec: string) => k.feed(widget('bad', spec)).fails('create', '-f', '-', '--validate=false');
    const many = await create('{ size: huge, replicas: 101, note: Hello World and much more }');
    expect(many).to.match(/^The Widget "bad" is invalid: \n/);
    for (const line of [
      '* spec.note: Too long: may not be more than 20 bytes',
      '* spec.replicas: Invalid value: 101: spec.replicas in body should be less than or equal to 100',
      '* spec.size: Unsupported value: "huge": supported values: "small", "large"',
    ])
      expect(many).to.include(`${line}\n`);
    expect(await create('{ size: small, note: UPPER }')).to.equal(
      'The Widget "bad" is invalid: spec.note: Invalid value: "UPPER": spec.note in body should match \'^[a-z ]*$\'\n',
    );
    expect(await create('{}')).to.equal(
      'The Widget "bad" is invalid: \n* spec.size: Required value\n* <nil>: Invalid value: "null": some validation rules were not checked because the object was invalid; correct the existing errors to complete validation\n',
    );
    expect(await create('{ size: small, replicas: many }')).to.match(
      /spec\.replicas: Invalid value: "string": spec\.replicas in body must be of type integer: "string"/,
    );
    expect(await create('{ size: small, parts: [{ name: a }, { name: a }] }')).to.match(
      /spec\.parts\[1\]: Duplicate value: .*\{"name":"a"\}/,
    );
    expect(await create('{ size: small, tags: [a, a] }')).to.match(/spec\.tags\[1\]: Duplicate value: "a"/);
    expect(await create('{ size: small, parts: [{ count: 1 }] }')).to.match(/spec\.parts\[0\]\.name: Required value/);
  });

  check('are checked before they are sent', async (k) => {
    const bogus = await k.feed(widget('bad', '{ size: small, bogus: 1 }')).fails('create', '-f', '-');
    if (k.isOld)
      expect(bogus).to.match(
        /^error: error validating "STDIN": error validating data: ValidationError\(Widget\.spec\): unknown field "bogus" in com\.example\.v1\.Widget\.spec/,
      );
    else
      expect(bogus).to.equal(
        'Error from server (BadRequest): error when creating "STDIN": Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.bogus"\n',
      );
    const missing = await k.feed(widget('bad', '{}')).fails('create', '-f', '-');
    if (k.isOld) expect(missing).to.match(/ValidationError\(Widget\.spec\): missing required field "size"/);
    else expect(missing).to.match(/^The Widget "bad" is invalid: \n\* spec\.size: Required value\n/);
  });

  check('keep the rules of their definition', async (k) => {
    expect(await k.feed(widget('ruled', '{ size: small, replicas: 11 }')).fails('create', '-f', '-')).to.match(
      /^The Widget "ruled" is invalid: spec: Invalid value: .*more than ten replicas need a large size\n$/,
    );
    await k.feed(widget('ruled', '{ size: large, replicas: 11, colour: red }')).ok('create', '-f', '-');
    expect(await k.fails('patch', 'wd', 'ruled', '--type=merge', '-p', '{"spec":{"colour":null}}')).to.match(
      /a colour cannot be taken away/,
    );
    expect(await k.ok('patch', 'wd', 'ruled', '--type=merge', '-p', '{"spec":{"colour":"blue"}}')).to.equal(
      'widget.example.com/ruled patched\n',
    );
  });

  check('are applied: created, unchanged, configured, fields taken away', async (k, server) => {
    const apply = (spec: string) => k.feed(widget('applied', spec)).ok('apply', '-f', '-');
    expect(await apply('{ size: small, note: a, port: 1 }')).to.equal('widget.example.com/applied created\n');
    expect(await apply('{ size: small, note: a, port: 1 }')).to.equal('widget.example.com/applied unchanged\n');
    await k.ok('patch', 'wd', 'applied', '--type=merge', '-p', '{"spec":{"colour":"red"}}');
    expect(await apply('{ size: small, note: b }')).to.equal('widget.example.com/applied configured\n');
    const object = await server.read(widgetPath(k.tag, 'applied'));
    expect(object['spec']).to.deep.equal({ size: 'small', note: 'b', colour: 'red', replicas: 1 });
    expect(object).to.have.nested.property('metadata.generation', 3);
    const diff = await k.feed(widget('applied', '{ size: small, note: c }')).run('diff', '-f', '-');
    expect(diff.code).to.equal(1);
    expect(diff.stdout)
      .to.match(/^- +note: b$/m)
      .and.to.match(/^\+ +note: c$/m);
    expect(await k.feed(widget('applied', '{ size: small, note: b }')).run('diff', '-f', '-')).to.include({
      code: 0,
      stdout: '',
    });
  });

  check('are pruned', async (k, server) => {
    const set = (name: string) => widget(name, '{ size: small }', ', labels: { set: p }');
    await k.feed(documents(set('p1'), set('p2'))).ok('apply', '-f', '-');
    const list = k.isOld ? '--prune-whitelist=example.com/v1/Widget' : '--prune-allowlist=example.com/v1/Widget';
    expect(await k.feed(set('p1')).ok('apply', '-f', '-', '--prune', '-l', 'set=p', list)).to.equal(
      'widget.example.com/p1 unchanged\nwidget.example.com/p2 pruned\n',
    );
    expect(await server.read(widgetPath(k.tag, 'p2'))).to.have.property('code', 404);
  });

  check('are patched by merge and JSON, not strategically', async (k) => {
    const shown = ['-o', 'jsonpath={.spec.note}'];
    expect(await k.ok('patch', 'wd', 'one', '--type=merge', '-p', '{"spec":{"note":"merged"}}', ...shown)).to.equal(
      'merged',
    );
    expect(
      await k.ok(
        'patch',
        'wd',
        'one',
        '--type=json',
        '-p',
        '[{"op":"replace","path":"/spec/note","value":"operated"}]',
        ...shown,
      ),
    ).to.equal('operated');
    expect(await k.fails('patch', 'wd', 'one', '-p', '{"spec":{"note":"x"}}')).to.match(
      k.isOld
        ? /^Error from server \(UnsupportedMediaType\): the body of the request was in an unknown format/
        : /^error: application\/strategic-merge-patch\+json is not supported by example\.com\/v1, Kind=Widget/,
    );
  });

  check('are edited, labelled, annotated and replaced', async (k, server) => {
    await k.feed(widget('edited')).ok('create', '-f', '-');
    const editor = await k.file('editor', 'sed -i "s/size: small/size: large/" "$1"\n');
    expect(await k.with({ KUBE_EDITOR: `sh ${editor}` }).ok('edit', 'wd', 'edited')).to.equal(
      'widget.example.com/edited edited\n',
    );
    expect(await server.read(widgetPath(k.tag, 'edited'))).to.have.nested.property('spec.size', 'large');
    expect(await k.ok('label', 'wd', 'edited', 'a=b')).to.equal('widget.example.com/edited labeled\n');
    expect(await k.ok('annotate', 'wd', 'edited', 'a=b')).to.equal('widget.example.com/edited annotated\n');
    expect(await server.read(widgetPath(k.tag, 'edited'))).to.have.nested.property('metadata.generation', 2);
    expect(await k.feed(widget('edited')).ok('replace', '-f', '-')).to.equal('widget.example.com/edited replaced\n');
    expect((await server.read(widgetPath(k.tag, 'edited')))['metadata']).to.not.have.property('labels');
  });

  check('keep their status apart', async (k, server) => {
    await k.feed(`${widget('apart')}status: { replicas: 9 }\n`).ok('create', '-f', '-');
    expect(await server.read(widgetPath(k.tag, 'apart'))).to.not.have.property('status');
    await k.ok('patch', 'wd', 'apart', '--type=merge', '-p', '{"status":{"replicas":9}}');
    expect(await server.read(widgetPath(k.tag, 'apart'))).to.not.have.property('status');
    await server.send(
      'PATCH',
      `${widgetPath(k.tag, 'apart')}/status`,
      { status: { replicas: 2 }, spec: { size: 'large' } },
      'application/merge-patch+json',
    );
    const object = await server.read(widgetPath(k.tag, 'apart'));
    expect(object).to.have.nested.property('status.replicas', 2);
    expect(object).to.have.nested.property('spec.size', 'small');
    expect(object).to.have.nested.property('metadata.generation', 1);
  });

  checkNew('show and change their subresources', async (k, server) => {
    await k.feed(widget('sub')).ok('create', '-f', '-');
    expect(
      await k.ok('patch', 'wd', 'sub', '--subresource=status', '--type=merge', '-p', '{"status":{"replicas":3}}'),
    ).to.equal('widget.example.com/sub patched\n');
    expect(await k.ok('get', 'wd', 'sub', '--subresource=status', '-o', 'jsonpath={.status.replicas}')).to.equal('3');
    expect(
      await k.ok(
        'get',
        'wd',
        'sub',
        '--subresource=scale',
        '-o',
        'jsonpath={.kind} {.spec.replicas} {.status.replicas}',
      ),
    ).to.equal('Scale 1 3');
    expect(
      await k.ok('patch', 'wd', 'sub', '--subresource=scale', '--type=merge', '-p', '{"spec":{"replicas":4}}'),
    ).to.match(/patched\n$/);
    expect(await server.read(widgetPath(k.tag, 'sub'))).to.have.nested.property('spec.replicas', 4);
    const object = await server.read(widgetPath(k.tag, 'sub'));
    const replaced = { ...object, spec: { size: 'large' }, status: { replicas: 6 } };
    expect(await k.feed(JSON.stringify(replaced)).ok('replace', '--subresource=status', '-f', '-')).to.equal(
      'widget.example.com/sub replaced\n',
    );
    const editor = await k.file('edit-status', 'sed -i "s/replicas: 6/replicas: 7/" "$1"\n');
    expect(await k.with({ KUBE_EDITOR: `sh ${editor}` }).ok('edit', 'wd', 'sub', '--subresource=status')).to.equal(
      'widget.example.com/sub edited\n',
    );
    const after = await server.read(widgetPath(k.tag, 'sub'));
    expect(after).to.have.nested.property('status.replicas', 7);
    expect(after).to.have.nested.property('spec.size', 'small');
    expect(await k.fails('patch', 'wd', 'sub', '--subresource=nosuch', '--type=merge', '-p', '{}')).to.match(
      /^Error from server \(NotFound\): /,
    );
  });

  check('scale, by name, file and condition', async (k, server) => {
    const file = await k.file('scaled.yaml', documents(widget('s1'), widget('s2')));
    await k.ok('create', '-f', file);
    const replicas = async (name: string): Promise<unknown> =>
      (await server.read(widgetPath(k.tag, name)))['spec']?.['replicas'];
    expect(await k.ok('scale', '--replicas=3', 'wd/s1')).to.equal('widget.example.com/s1 scaled\n');
    expect(await replicas('s1')).to.equal(3);
    expect(await k.ok('scale', '--replicas=2', '-f', file)).to.equal(
      'widget.example.com/s1 scaled\nwidget.example.com/s2 scaled\n',
    );
    expect(await k.ok('scale', '--current-replicas=2', '--replicas=5', 'wd/s1')).to.equal(
      'widget.example.com/s1 scaled\n',
    );
    expect(await k.fails('scale', '--current-replicas=2', '--replicas=6', 'wd/s1')).to.equal(
      'error: Expected replicas to be 2, was 5\n',
    );
    expect(await replicas('s1')).to.equal(5);
    expect(await k.ok('scale', '--replicas=9', 'wd/s1', '--dry-run=server')).to.match(
      /^widget\.example\.com\/s1 scaled/,
    );
    expect(await replicas('s1')).to.equal(5);
    expect(await k.fails('scale', '--replicas=3', 'wd/none')).to.match(/widgets\.example\.com "none" not found/);
    expect(await k.fails('scale', '--replicas=-1', 'wd/s1')).to.match(
      /The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0/,
    );
    expect(await k.fails('scale', '--replicas=101', 'wd/s1')).to.match(
      /should be less than or equal to 100|more than ten replicas need a large size/,
    );
  });

  check('are waited for', async (k, server) => {
    await k.feed(widget('awaited')).ok('create', '-f', '-');
    const waiting = k.ok('wait', '--for=condition=Ready', 'wd/awaited', '--timeout=20s');
    const status = { status: { conditions: [{ type: 'Ready', status: 'True', reason: 'Done' }] } };
    await server.send('PATCH', `${widgetPath(k.tag, 'awaited')}/status`, status, 'application/merge-patch+json');
    expect(await waiting).to.equal('widget.example.com/awaited condition met\n');
    expect(await k.ok('describe', 'wd', 'awaited'))
      .to.match(/^ +Reason: +Done$/m)
      .and.to.match(/^ +Size: +small$/m);
  });

  check('are watched', async (k, server) => {
    const watch = k.start('get', 'wd', '-l', 'watched=1', '-w', '-o', 'jsonpath={.metadata.name}={.spec.size}{"\\n"}');
    const object = {
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      metadata: { name: 'w', labels: { watched: '1' } },
      spec: { size: 'small' },
    };
    await server.send('POST', widgetPath(k.tag), object);
    await watch.until((lines) => lines.includes('w=small'));
    await server.send('PATCH', widgetPath(k.tag, 'w'), { spec: { size: 'large' } }, 'application/merge-patch+json');
    await watch.until((lines) => lines.includes('w=large'));
  });

  check('are deleted in every way', async (k) => {
    await k
      .feed(
        documents(
          widget('d1', undefined, ', labels: { d: "1" }'),
          widget('d2', undefined, ', labels: { d: "1" }'),
          widget('d3'),
        ),
      )
      .ok('create', '-f', '-');
    expect(await k.ok('delete', 'wd', 'd3')).to.equal(k.deleted('widget.example.com', 'd3'));
    expect(await k.ok('delete', 'wd', '-l', 'd=1')).to.equal(k.deleted('widget.example.com', 'd1', 'd2'));
    expect(await k.fails('delete', 'wd', 'd1')).to.equal(
      'Error from server (NotFound): widgets.example.com "d1" not found\n',
    );
  });
});
