// Kinds that users define: made, served, shown, changed, refused, and gone with all their objects.
import { expect } from 'chai';
import { kubectls } from './suite.ts';
import { defineWidgets, gear, gearDefinition, gearVersion, widget, widgetDefinition } from './widgets.ts';

const crd = 'customresourcedefinition.apiextensions.k8s.io';

kubectls('definitions', ({ check, checkNew, setUp }) => {
  setUp(defineWidgets);

  check('are made, established and shown', async (k) => {
    expect(await k.ok('get', 'crd', 'widgets.example.com')).to.match(
      /^NAME +CREATED AT\nwidgets\.example\.com +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n$/,
    );
    expect(await k.ok('get', 'customresourcedefinitions', '-o', 'name')).to.include(`${crd}/widgets.example.com\n`);
    const conditions = 'jsonpath={range .status.conditions[*]}{.type}={.status} {end}';
    expect(await k.ok('get', 'crd', 'widgets.example.com', '-o', conditions))
      .to.include('NamesAccepted=True')
      .and.to.include('Established=True');
    expect(
      await k.ok(
        'get',
        'crd',
        'widgets.example.com',
        '-o',
        'jsonpath={.status.storedVersions}{.status.acceptedNames.kind}',
      ),
    ).to.equal('["v1"]Widget');
    expect(await k.feed(widgetDefinition).fails('create', '-f', '-')).to.equal(
      'Error from server (AlreadyExists): error when creating "STDIN": customresourcedefinitions.apiextensions.k8s.io "widgets.example.com" already exists\n',
    );
    expect(await k.ok('describe', 'crd', 'widgets.example.com'))
      .to.match(/^Name: +widgets\.example\.com\n/)
      .and.to.match(/^Kind: +CustomResourceDefinition$/m);
  });

  check('are served in discovery, with short name, category and verbs', async (k) => {
    expect(await k.ok('api-resources', '--api-group=example.com')).to.match(
      /^widgets +wd +example\.com\/v1 +true +Widget$/m,
    );
    expect(await k.ok('api-versions')).to.match(/^example\.com\/v1$/m);
    const list = JSON.parse(await k.ok('get', '--raw', '/apis/example.com/v1')) as {
      resources: { name: string; verbs: string[] }[];
    };
    const verbs = (name: string) => list.resources.find((resource) => resource.name === name)?.verbs.toSorted();
    expect(verbs('widgets')).to.deep.equal([
      'create',
      'delete',
      'deletecollection',
      'get',
      'list',
      'patch',
      'update',
      'watch',
    ]);
    expect(verbs('widgets/status')).to.deep.equal(['get', 'patch', 'update']);
    expect(verbs('widgets/scale')).to.deep.equal(['get', 'patch', 'update']);
  });

  check('are found by plural, singular, short name, group and category', async (k) => {
    await k.feed(widget('found')).ok('create', '-f', '-');
    for (const name of [
      'widgets',
      'widget',
      'wd',
      'widgets.example.com',
      'widget.example.com',
      'widgets.v1.example.com',
      'things',
    ])
      expect(await k.ok('get', name, '-o', 'name'), name).to.equal('widget.example.com/found\n');
    expect(await k.ok('get', 'all', '-o', 'name')).to.include('widget.example.com/found\n');
    expect(await k.ok('get', 'wd/found', '-o', 'name')).to.equal('widget.example.com/found\n');
  });

  check('are explained', async (k) => {
    expect(await k.ok('explain', 'widget'))
      .to.match(/^KIND: +Widget$/m)
      .and.to.match(/A widget\./)
      .and.to.match(/^ +spec\t<.*> -required-$/m);
    const size = await k.ok('explain', 'wd.spec.size');
    expect(size)
      .to.match(/^FIELD: +size <string>/m)
      .and.to.include('How large it is.');
    expect(await k.ok('explain', 'widgets.spec.parts', '--recursive')).to.match(
      /^ +count\t<integer>\n +name\t<string>/m,
    );
    expect(await k.fails('explain', 'widget.spec.nosuch')).to.include('field "nosuch" does not exist');
  });

  check('come and go with their objects', async (k, server) => {
    const { tag } = k;
    const plural = `gears${tag}`;
    expect(await k.fails('get', plural)).to.equal(`error: the server doesn't have a resource type "${plural}"\n`);
    expect(await k.feed(gear(tag, 'early')).fails('create', '-f', '-')).to.match(
      new RegExp(`no matches for kind "Gear${tag}" in version "example\\.com/v1"`),
    );
    expect(await k.feed(gearDefinition(tag, [gearVersion('v1')])).ok('apply', '-f', '-')).to.equal(
      `${crd}/${plural}.example.com created\n`,
    );
    await k.ok('wait', '--for=condition=Established', `crd/${plural}.example.com`, '--timeout=10s');
    expect(await k.feed(gear(tag, 'one')).ok('create', '-f', '-')).to.equal(`gear${tag}.example.com/one created\n`);
    expect(await k.ok('get', `cogs${tag}`, '-o', 'name')).to.equal(`gear${tag}.example.com/one\n`);
    expect(await k.feed(gearDefinition(tag, [gearVersion('v1')])).ok('apply', '-f', '-')).to.equal(
      `${crd}/${plural}.example.com unchanged\n`,
    );
    // A schema that changes holds for what is written from then on.
    expect(
      await k
        .feed(gearDefinition(tag, [gearVersion('v1', undefined, 'type: integer, maximum: 5')]))
        .ok('apply', '-f', '-'),
    ).to.equal(`${crd}/${plural}.example.com configured\n`);
    const path = `/apis/example.com/v1/namespaces/${tag}/${plural}`;
    const body = { apiVersion: 'example.com/v1', kind: `Gear${tag}`, metadata: { name: 'two' }, spec: { teeth: 9 } };
    expect(await server.send('POST', `${path}?dryRun=All`, body)).to.have.property('code', 422);
    expect(await server.read(`${path}/one`)).to.have.nested.property('spec.teeth', 9);
    expect(await k.ok('delete', 'crd', `${plural}.example.com`)).to.equal(`${crd} "${plural}.example.com" deleted\n`);
    expect(await k.fails('get', plural)).to.match(
      /the server doesn't have a resource type|the server could not find the requested resource/,
    );
    expect(await k.ok('get', 'crd', '-o', 'name')).to.not.include(plural);
    // A later kind of that name finds nothing of the earlier one.
    await k.feed(gearDefinition(tag, [gearVersion('v1')])).ok('create', '-f', '-');
    await k.ok('wait', '--for=condition=Established', `crd/${plural}.example.com`, '--timeout=10s');
    expect(await k.run('get', plural)).to.deep.equal({
      code: 0,
      stdout: '',
      stderr: `No resources found in ${tag} namespace.\n`,
    });
    await k.ok('delete', 'crd', `${plural}.example.com`);
  });

  check('have several versions, each served as it says', async (k, server) => {
    const tag = `m${k.tag}`;
    const plural = `gears${tag}`;
    const versions = [
      gearVersion('v1', 'served: true, storage: true'),
      gearVersion('v1beta1', 'served: true, storage: false'),
      gearVersion('v1alpha1', 'served: false, storage: false'),
    ];
    await k.feed(gearDefinition(tag, versions)).ok('create', '-f', '-');
    await k.ok('wait', '--for=condition=Established', `crd/${plural}.example.com`, '--timeout=10s');
    await k.feed(gear(tag, 'one', '{ teeth: 3 }', 'v1beta1')).ok('create', '-f', '-');
    expect(
      await k.ok('get', `${plural}.v1beta1.example.com`, 'one', '-o', 'jsonpath={.apiVersion} {.spec.teeth}'),
    ).to.equal('example.com/v1beta1 3');
    expect(await k.ok('get', plural, 'one', '-o', 'jsonpath={.apiVersion} {.spec.teeth}')).to.equal('example.com/v1 3');
    expect(await server.read(`/apis/example.com/v1alpha1/namespaces/${k.tag}/${plural}/one`)).to.have.property(
      'code',
      404,
    );
    expect(await k.ok('api-versions'))
      .to.match(/^example\.com\/v1beta1$/m)
      .and.to.not.match(/v1alpha1/);
    await k.ok('delete', 'crd', `${plural}.example.com`);
  });

  check('may be of no herd', async (k) => {
    const tag = `c${k.tag}`;
    await k.feed(gearDefinition(tag, [gearVersion('v1')], 'Cluster')).ok('create', '-f', '-');
    await k.ok('wait', '--for=condition=Established', `crd/gears${tag}.example.com`, '--timeout=10s');
    await k.feed(gear(tag, 'everywhere')).ok('create', '-f', '-');
    expect(await k.ok('get', `gears${tag}`, '-n', 'nonesuch', '-o', 'name')).to.equal(
      `gear${tag}.example.com/everywhere\n`,
    );
    expect(await k.ok('api-resources', '--namespaced=false', '-o', 'name')).to.include(`gears${tag}.example.com\n`);
    expect(await k.ok('delete', `gear${tag}`, 'everywhere')).to.equal(`gear${tag}.example.com "everywhere" deleted\n`);
    await k.ok('delete', 'crd', `gears${tag}.example.com`);
  });

  check('are refused with a word for what is wrong', async (k) => {
    const wrong = (text: string) => k.feed(text).fails('create', '-f', '-', '--validate=false');
    const bad = gearDefinition(`bad${k.tag}`, [gearVersion('v1')]);
    const refusal = `The CustomResourceDefinition "gearsbad${k.tag}.example.com" is invalid: `;
    expect(await wrong(bad.replace(`name: gearsbad${k.tag}.example.com`, 'name: gears.example.com'))).to.match(
      /metadata\.name: Invalid value: "gears\.example\.com": must be spec\.names\.plural\+"\."\+spec\.group/,
    );
    expect(await wrong(bad.replace('storage: true', 'storage: false'))).to.include(
      'must have exactly one version marked as storage version',
    );
    expect(await wrong(bad.replace('type: integer', 'type: number9'))).to.include(`Unsupported value: "number9"`);
    expect(await wrong(bad.replace('{ type: object, properties: { spec', '{ properties: { spec'))).to.match(
      /openAPIV3Schema\.type: Required value: must not be empty at the root/,
    );
    expect(await wrong(bad.replace(/, schema: .*$/m, ' }'))).to.match(
      /schema\.openAPIV3Schema: Required value: schemas are required/,
    );
    expect(await wrong(bad.replace('scope: Namespaced', 'scope: Nowhere'))).to.include(
      `${refusal}spec.scope: Unsupported value: "Nowhere": supported values: "Cluster", "Namespaced"`,
    );
  });

  check('keep their names to themselves', async (k) => {
    const other = gearDefinition(`w${k.tag}`, [gearVersion('v1')]).replace(`kind: Gearw${k.tag}`, 'kind: Widget');
    await k.feed(other).ok('create', '-f', '-');
    const name = `crd/gearsw${k.tag}.example.com`;
    await k.ok('wait', '--for=condition=NamesAccepted=false', name, '--timeout=10s');
    expect(await k.ok('get', name, '-o', 'jsonpath={.status.conditions[?(@.type=="NamesAccepted")].message}')).to.match(
      /"WidgetList" is already in use/,
    );
    await k.ok('delete', name);
  });

  checkNew('complete and list as others do', async (k) => {
    expect(await k.ok('__complete', 'get', 'widg')).to.match(/^widgets\.example\.com$/m);
    expect(await k.ok('api-resources', '--categories=things', '-o', 'name')).to.equal('widgets.example.com\n');
  });
});
