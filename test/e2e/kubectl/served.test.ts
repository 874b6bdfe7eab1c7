// What the server says of itself: kinds, versions, documents, health, and kubectl's doors to plain paths.
import { get } from 'node:http';
import { stripVTControlCharacters } from 'node:util';
import { expect } from 'chai';
import { flow } from './manifests.ts';
import { kubectls } from './suite.ts';

kubectls('what is served', ({ check, checkNew, setUp }) => {
  setUp(async (k) => void (await k.feed(flow('shown')).ok('create', '-f', '-')));

  check('api-resources lists kinds with short names, scope and kind', async (k) => {
    const all = await k.ok('api-resources');
    expect(all).to.match(/^NAME +SHORTNAMES +APIVERSION +NAMESPACED +KIND\n/);
    expect(all).to.match(/^pipelines +pl +runink\.io\/v1 +true +Pipeline$/m);
    expect(all).to.match(/^namespaces +ns +v1 +false +Namespace$/m);
    expect(all).to.match(/^secrets +v1 +true +Secret$/m);
    expect(all).to.match(/^leases +coordination\.k8s\.io\/v1 +true +Lease$/m);
    expect(await k.ok('api-resources', '--no-headers')).to.not.include('SHORTNAMES');
  });

  check('api-resources by group, scope and verbs, as names', async (k) => {
    const ours = 'annotations bundles contracts herds pipelines runs slices'
      .split(' ')
      .map((name) => `${name}.runink.io\n`);
    expect(await k.ok('api-resources', '--api-group=runink.io', '-o', 'name')).to.equal(ours.join(''));
    expect(await k.ok('api-resources', '--api-group=runink.io', '--namespaced=false', '-o', 'name')).to.equal(
      'herds.runink.io\n',
    );
    expect(await k.ok('api-resources', '--verbs=list,patch', '-o', 'name')).to.match(/^secrets$/m);
    expect(await k.ok('api-resources', '--verbs=conjure', '-o', 'name')).to.equal('');
    expect(await k.ok('api-resources', '--api-group=none.io', '-o', 'name')).to.equal('');
    expect(await k.ok('api-resources', '--api-group=runink.io', '--sort-by=kind', '--no-headers')).to.match(
      /^annotations .*\n(.*\n)*slices /,
    );
  });

  check('api-resources -o wide tells the verbs', async (k) => {
    const wide = await k.ok('api-resources', '-o', 'wide');
    const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
    expect(wide).to.match(/^NAME +SHORTNAMES +APIVERSION +NAMESPACED +KIND +VERBS/);
    const line = wide.split('\n').find((text) => text.startsWith('pipelines')) ?? '';
    expect(
      (/[[ ]((?:[a-z]+[, ]){7}[a-z]+)/.exec(line.slice(line.indexOf('Pipeline')))?.[1] ?? line).split(/[, ]/).sort(),
    ).to.deep.equal(verbs);
  });

  checkNew('api-resources by category', async (k) => {
    expect(await k.ok('api-resources', '--categories=all', '-o', 'name')).to.match(/^pipelines\.runink\.io$/m);
  });

  check('api-versions', async (k) => {
    expect((await k.ok('api-versions')).split('\n')).to.include.members([
      'coordination.k8s.io/v1',
      'runink.io/v1',
      'v1',
    ]);
  });

  check('version tells client and server', async (k) => {
    const told = JSON.parse(await k.ok('version', '-o', 'json')) as Record<string, Record<string, string>>;
    expect(told['serverVersion']).to.include({ major: '1', minor: '35' });
    expect(told['serverVersion']?.['gitVersion']).to.match(/^v1\.35\.\d+\+runink/);
    expect(await k.ok('version', '--client')).to.match(k.isOld ? /GitVersion:"v1\.20/ : /^Client Version: v1\.35/);
  });

  check('cluster-info tells where the server is', async (k, server) => {
    // Older ones colour it also where nobody sees the colour.
    const told = stripVTControlCharacters(await k.ok('cluster-info'));
    expect(told)
      .to.match(/^Kubernetes control plane is running at https:/)
      .and.to.include(server.url);
    expect(await k.run('get', 'services')).to.include({ code: 0, stdout: '' });
    expect(await k.fails('create', 'service', 'clusterip', 'x', '--tcp=80')).to.include(
      'the server does not allow this method on the requested resource',
    );
  });

  check('explain tells a kind, a field, and all below it', async (k) => {
    const kind = await k.ok('explain', 'pipelines');
    expect(kind)
      .to.match(/^KIND: +Pipeline$/m)
      .and.to.match(/^VERSION: +(runink\.io\/)?v1$/m);
    expect(kind).to.match(/^ +spec\t<.*> -required-$/m);
    expect(await k.ok('explain', 'pl.spec.steps.name')).to.match(/^FIELD: +name <string>/m);
    expect(await k.ok('explain', 'secret.metadata.labels')).to.match(/labels <map\[string\]string>/);
    expect(await k.ok('explain', 'pipeline', '--recursive')).to.match(
      /^ +steps\t<\[\]Object>( -required-)?\n +after\t<\[\]string>$/m,
    );
    expect(await k.ok('explain', 'pipeline.spec.mode', '--api-version=runink.io/v1')).to.include('bounded');
  });

  check('explain says what there is not', async (k) => {
    expect(await k.fails('explain', 'pipeline.spec.nosuch')).to.equal('error: field "nosuch" does not exist\n');
    expect(await k.fails('explain', 'nosuches')).to.match(/the server doesn't have a resource type "nosuches"/);
    expect(await k.fails('explain', 'pipeline', '--api-version=runink.io/v9')).to.match(/^error: /);
  });

  check('get --raw reads any path', async (k) => {
    expect(await k.ok('get', '--raw', '/healthz')).to.equal('ok');
    expect(await k.ok('get', '--raw', '/readyz?verbose')).to.match(/^\[\+\]ping ok\n(.*\n)*readyz check passed\n$/);
    expect(await k.ok('get', '--raw', '/livez')).to.equal('ok');
    expect(JSON.parse(await k.ok('get', '--raw', '/apis/runink.io/v1'))).to.have.property('kind', 'APIResourceList');
    expect(
      JSON.parse(await k.ok('get', '--raw', `/apis/runink.io/v1/namespaces/${k.tag}/pipelines/shown`)),
    ).to.have.property('kind', 'Pipeline');
    expect(JSON.parse(await k.ok('get', '--raw', '/openapi/v2'))).to.have.property('swagger', '2.0');
    expect(JSON.parse(await k.ok('get', '--raw', '/openapi/v3'))).to.have.nested.property('paths.api/v1');
    expect(await k.ok('get', '--raw', '/metrics')).to.match(/^apiserver_request_total\{/m);
    expect(await k.fails('get', '--raw', '/nonesuch')).to.equal(
      'Error from server (NotFound): the server could not find the requested resource\n',
    );
  });

  check('create, replace and delete --raw write any path', async (k, server) => {
    const path = `/apis/runink.io/v1/namespaces/${k.tag}/pipelines`;
    const object = {
      apiVersion: 'runink.io/v1',
      kind: 'Pipeline',
      metadata: { name: 'raw' },
      spec: { steps: [{ name: 'a', use: 'filter' }] },
    };
    expect(
      JSON.parse(await k.feed(JSON.stringify(object)).ok('create', '--raw', path, '-f', '-')),
    ).to.have.nested.property('metadata.name', 'raw');
    const made = await server.read(`${path}/raw`);
    const changed = { ...made, spec: { ...made['spec'], suspend: true } };
    expect(
      JSON.parse(await k.feed(JSON.stringify(changed)).ok('replace', '--raw', `${path}/raw`, '-f', '-')),
    ).to.have.nested.property('spec.suspend', true);
    expect(JSON.parse(await k.ok('delete', '--raw', `${path}/raw`))).to.have.property('status', 'Success');
    expect(await server.read(`${path}/raw`)).to.have.property('code', 404);
  });

  check('proxy passes requests on', async (k) => {
    const proxy = k.start('proxy', '--port=0');
    const [line = ''] = await proxy.until((lines) => lines.length > 0);
    const port = Number(/^Starting to serve on 127\.0\.0\.1:(\d+)$/.exec(line)?.[1]);
    const body = await fetched(`http://127.0.0.1:${port}/apis/runink.io/v1/namespaces/${k.tag}/pipelines/shown`);
    expect(JSON.parse(body)).to.have.nested.property('metadata.name', 'shown');
    expect(await fetched(`http://127.0.0.1:${port}/healthz`)).to.equal('ok');
  });

  checkNew('completion asks the server for kinds and names', async (k) => {
    expect(await k.ok('completion', 'bash')).to.include('__start_kubectl');
    expect((await k.ok('__complete', 'get', 'pipel')).split('\n')[0]).to.match(/^pipelines/);
    expect(await k.ok('__complete', 'get', 'pipelines', 'sh')).to.match(/^shown$/m);
    expect(await k.ok('__complete', 'get', 'pipelines', '-n', k.tag)).to.match(new RegExp(`^${k.tag}$`, 'm'));
  });

  check('config is kept by kubectl itself', async (k) => {
    const text = await k.ok('config', 'view', '--raw');
    const own = { KUBECONFIG: await k.file('own', text) };
    const config = k.with(own);
    expect(await config.ok('config', 'current-context')).to.equal('runink\n');
    await config.ok('config', 'set-context', 'other', '--cluster=runink', '--user=runink', '--namespace=default');
    expect(await config.ok('config', 'use-context', 'other')).to.equal('Switched to context "other".\n');
    expect(await config.ok('config', 'view', '--minify', '-o', 'jsonpath={..namespace}')).to.equal('default');
    expect(await config.ok('get', 'pipelines', '-o', 'name', '--context=runink')).to.include(
      'pipeline.runink.io/shown',
    );
    expect(await config.fails('get', 'pipelines', '--context=none')).to.match(
      /^Error in configuration: context was not found for specified context: none\n/,
    );
  });
});

function fetched(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
}
