// kubectl get: every form in which objects can be shown.
import { expect } from 'chai';
import { documents, flow, secret } from './manifests.ts';
import { kubectls } from './suite.ts';

const labelled = (labels: string): string => `, labels: { ${labels} }`;

kubectls('get', ({ check, checkNew, setUp }) => {
  setUp(async (k) => {
    const all = documents(flow('one', labelled('app: x, tier: gold')), flow('two', labelled('app: z')), secret('key'));
    await k.feed(all).ok('create', '-f', '-');
  });

  check('prints a table, wide and without headers', async (k) => {
    expect(await k.ok('get', 'pipelines')).to.match(/^NAME +READY +REASON +LAST RUN +AGE\none +\d+s\ntwo +\d+s\n$/);
    expect(await k.ok('get', 'pl', '-o', 'wide')).to.match(/^NAME +READY +REASON +LAST RUN +AGE +MESSAGE\none /);
    expect(await k.ok('get', 'pipeline', '--no-headers')).to.match(/^one +\d+s\ntwo +\d+s\n$/);
    expect(await k.ok('get', 'pipelines.runink.io', 'two')).to.match(/^NAME .*\ntwo +\d+s\n$/);
    expect(await k.ok('get', 'pipelines.v1.runink.io', 'two', '-o', 'name')).to.equal('pipeline.runink.io/two\n');
  });

  check('shows labels, as columns too, and kinds', async (k) => {
    expect(await k.ok('get', 'pl', '--show-labels')).to.match(
      /^NAME .* LABELS\none .* app=x,tier=gold\ntwo .* app=z\n$/,
    );
    expect(await k.ok('get', 'pl', '-L', 'app,tier')).to.match(/^NAME .* APP +TIER\none .* x +gold\ntwo .* z +\n$/);
    expect(await k.ok('get', 'pl', '--label-columns=tier')).to.match(/^NAME .* TIER\none .* gold\n/);
    expect(await k.ok('get', 'pl', '--show-kind')).to.match(
      /^NAME .*\npipeline\.runink\.io\/one .*\npipeline\.runink\.io\/two /,
    );
  });

  check('shows several kinds and single objects of several kinds', async (k) => {
    const both = await k.ok('get', 'pipelines,secrets');
    expect(both).to.match(
      /^NAME +READY .*\npipeline\.runink\.io\/one .*\npipeline\.runink\.io\/two .*\n\nNAME +TYPE +DATA +AGE\nsecret\/key +Opaque +1 +\d+s\n$/,
    );
    expect(await k.ok('get', 'pipeline/two', 'secret/key', '-o', 'name')).to.equal(
      'pipeline.runink.io/two\nsecret/key\n',
    );
    expect(await k.ok('get', 'pipeline', 'two', 'one', '-o', 'name')).to.equal(
      'pipeline.runink.io/two\npipeline.runink.io/one\n',
    );
    const list = JSON.parse(await k.ok('get', 'pipeline/two', 'secret/key', '-o', 'json')) as {
      kind: string;
      items: { kind: string }[];
    };
    expect([list.kind, ...list.items.map((item) => item.kind)]).to.deep.equal(['List', 'Pipeline', 'Secret']);
    expect(await k.ok('get', 'all', '-o', 'name')).to.include('pipeline.runink.io/one\npipeline.runink.io/two\n');
  });

  check('prints JSON and YAML of one and of all', async (k) => {
    const one = JSON.parse(await k.ok('get', 'pipeline/one', '-o', 'json')) as Record<string, Record<string, unknown>>;
    expect(one).to.deep.include({ apiVersion: 'runink.io/v1', kind: 'Pipeline' });
    expect(one['metadata']).to.include({ name: 'one', namespace: k.tag, generation: 1 });
    expect(one['metadata']).to.include.keys('uid', 'resourceVersion', 'creationTimestamp');
    expect(await k.ok('get', 'pipeline/one', '-o', 'yaml')).to.match(
      /^apiVersion: runink\.io\/v1\nkind: Pipeline\nmetadata:\n/,
    );
    const all = await k.ok('get', 'pipelines', '-o', 'yaml');
    expect(all)
      .to.match(/^apiVersion: v1\nitems:\n- apiVersion: runink\.io\/v1\n/)
      .and.to.match(/^kind: List\n/m);
  });

  check('picks out fields with jsonpath', async (k) => {
    expect(await k.ok('get', 'pl', 'one', '-o', 'jsonpath={.spec.steps[0].use} {.metadata.labels.app}')).to.equal(
      'filter x',
    );
    const range = '{range .items[*]}{.metadata.name}={.metadata.labels.app}{"\\n"}{end}';
    expect(await k.ok('get', 'pl', '-o', `jsonpath=${range}`)).to.equal('one=x\ntwo=z\n');
    expect(await k.ok('get', 'pl', '-o', 'jsonpath={.items[?(@.metadata.labels.app=="z")].metadata.name}')).to.equal(
      'two',
    );
    expect(await k.ok('get', 'pl', 'one', '-o', 'jsonpath={.spec.nosuch}')).to.equal('');
    expect(await k.ok('get', 'pl', 'one', '-o', 'jsonpath-as-json={.metadata.name}')).to.equal('[\n    "one"\n]\n');
    const file = await k.file('names.jsonpath', '{.items[*].metadata.name}');
    expect(await k.ok('get', 'pl', '-o', `jsonpath-file=${file}`)).to.equal('one two');
    expect(await k.fails('get', 'pl', '-o', 'jsonpath={.items[')).to.match(/^error: error parsing jsonpath/);
  });

  check('picks out fields with templates and columns', async (k) => {
    const template = '{{range .items}}{{.metadata.name}};{{end}}';
    expect(await k.ok('get', 'pl', '-o', `go-template=${template}`)).to.equal('one;two;');
    expect(await k.ok('get', 'pl', '-o', 'go-template', '--template', template)).to.equal('one;two;');
    const file = await k.file('names.template', template);
    expect(await k.ok('get', 'pl', '-o', `go-template-file=${file}`)).to.equal('one;two;');
    const columns = 'WHO:.metadata.name,USES:.spec.steps[*].use,NONE:.spec.nosuch';
    expect(await k.ok('get', 'pl', '-o', `custom-columns=${columns}`)).to.match(
      /^WHO +USES +NONE\none +filter +<none>\ntwo +filter +<none>\n$/,
    );
    const columnFile = await k.file('columns', 'WHO           APP\nmetadata.name metadata.labels.app\n');
    expect(await k.ok('get', 'pl', '-o', `custom-columns-file=${columnFile}`)).to.match(/^WHO +APP\none +x\ntwo +z\n$/);
    expect(await k.fails('get', 'pl', '-o', 'nosuch')).to.match(
      /unable to match a printer suitable for the output format "nosuch"/,
    );
  });

  check('sorts', async (k) => {
    expect(await k.ok('get', 'pl', '--sort-by=.metadata.labels.app', '-o', 'name')).to.equal(
      'pipeline.runink.io/one\npipeline.runink.io/two\n',
    );
    expect(await k.ok('get', 'pl', '--sort-by={.metadata.name}')).to.match(/^NAME .*\none .*\ntwo /);
    expect(await k.ok('get', 'pl', '--sort-by=.metadata.creationTimestamp', '--no-headers')).to.match(/^(one|two) /);
  });

  check('reads what a file, a folder or a kustomization names', async (k) => {
    const file = await k.file('two.yaml', flow('two'));
    expect(await k.ok('get', '-f', file, '-o', 'name')).to.equal('pipeline.runink.io/two\n');
    expect(await k.feed(flow('one')).ok('get', '-f', '-')).to.match(/^NAME .*\none /);
    await k.file('kustomization.yaml', 'resources: [two.yaml]\n');
    expect(await k.ok('get', '-k', k.folder, '-o', 'name')).to.equal('pipeline.runink.io/two\n');
    expect(await k.ok('kustomize', k.folder)).to.match(
      /^apiVersion: runink\.io\/v1\nkind: Pipeline\nmetadata:\n +name: two\n/,
    );
  });

  check('reads all herds and another one', async (k) => {
    expect(await k.ok('get', 'pl', '-A')).to.match(new RegExp(`^NAMESPACE +NAME .*\\n(.*\\n)*${k.tag} +one +\\d+s\\n`));
    expect(await k.ok('get', 'pl', '--all-namespaces', '-o', 'name')).to.include('pipeline.runink.io/one\n');
    expect((await k.run('get', 'pl', '-n', 'default')).stderr).to.equal('No resources found in default namespace.\n');
    expect((await k.run('get', 'pl', '-n', 'nonesuch')).stderr).to.equal('No resources found in nonesuch namespace.\n');
  });

  check('reads in chunks, from the server as it prints and as kubectl does', async (k) => {
    expect(await k.ok('get', 'pl', '--chunk-size=1', '-o', 'name')).to.equal(
      'pipeline.runink.io/one\npipeline.runink.io/two\n',
    );
    expect(await k.ok('get', 'pl', '--chunk-size=1', '--no-headers')).to.match(/^one .*\ntwo /);
    expect(await k.ok('get', 'pl', '--server-print=false')).to.match(/^NAME +AGE\none +\d+s\ntwo +\d+s\n$/);
  });

  check('says when there is nothing, and may keep silent', async (k) => {
    const nothing = await k.run('get', 'runs');
    expect(nothing).to.deep.equal({ code: 0, stdout: '', stderr: `No resources found in ${k.tag} namespace.\n` });
    expect(await k.run('get', 'runs', '-A')).to.deep.equal({ code: 0, stdout: '', stderr: 'No resources found\n' });
    expect(await k.run('get', 'runs', '--ignore-not-found')).to.deep.equal({ code: 0, stdout: '', stderr: '' });
    expect(await k.run('get', 'pl', 'none', '--ignore-not-found')).to.deep.equal({ code: 0, stdout: '', stderr: '' });
    expect(await k.ok('get', 'runs', '-o', 'name')).to.equal('');
    expect(JSON.parse(await k.ok('get', 'runs', '-o', 'json')))
      .to.have.property('items')
      .that.deep.equals([]);
  });

  check('shows what is there and complains of what is not', async (k) => {
    const mixed = await k.run('get', 'pl', 'one', 'none', '-o', 'name');
    expect(mixed).to.deep.equal({
      code: 1,
      stdout: 'pipeline.runink.io/one\n',
      stderr: 'Error from server (NotFound): pipelines.runink.io "none" not found\n',
    });
    expect(await k.fails('get', 'pl', 'none')).to.equal(
      'Error from server (NotFound): pipelines.runink.io "none" not found\n',
    );
    expect(await k.fails('get', 'secret/none')).to.equal('Error from server (NotFound): secrets "none" not found\n');
    expect(await k.fails('get', 'nosuch')).to.equal('error: the server doesn\'t have a resource type "nosuch"\n');
    expect(await k.fails('get', 'nosuch.v1.runink.io')).to.match(/the server doesn't have a resource type "nosuch"/);
    expect(await k.fails('get')).to.include('Required resource not specified');
  });

  checkNew('shows a subresource and hides managed fields', async (k) => {
    expect(await k.ok('get', 'pl', 'one', '--subresource=status', '-o', 'name')).to.equal('pipeline.runink.io/one\n');
    expect(await k.ok('get', 'pl', 'one', '-o', 'yaml')).to.not.include('managedFields');
  });
});
