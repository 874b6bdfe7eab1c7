// Nodes: cordon, uncordon, taint, label, drain's first steps, and how they are shown.
import { expect } from 'chai';
import { type Kubectl, kubectls } from './suite.ts';

const node = (name: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { zone: 'a' } },
    status: {
      conditions: [{ type: 'Ready', status: 'True', reason: 'AgentReady', message: '' }],
      nodeInfo: { kubeletVersion: 'v1', kernelVersion: '6.1' },
    },
  });
const path = (name: string): string => `/api/v1/nodes/${name}`;

kubectls('nodes', ({ check, setUp }) => {
  const name = (k: Kubectl): string => `node-${k.tag}`;
  setUp(async (k) => void (await k.feed(node(name(k))).ok('create', '-f', '-')));

  check('get and describe', async (k) => {
    expect(await k.ok('get', 'nodes', name(k))).to.match(
      new RegExp(`^NAME +STATUS +ISOLATION +AGE +VERSION\n${name(k)} +Ready +.*v1\n$`),
    );
    expect(await k.ok('get', 'no', name(k), '-o', 'wide')).to.match(/^NAME .* KERNEL-VERSION\n.* 6\.1\n$/);
    expect(await k.ok('get', 'nodes', '-l', 'zone=a', '-o', 'name')).to.include(`node/${name(k)}\n`);
    const told = await k.ok('describe', 'node', name(k));
    expect(told)
      .to.match(new RegExp(`^Name: +${name(k)}\n`))
      .and.to.match(/^Unschedulable: +false$/m);
    expect(await k.ok('describe', 'no', name(k))).to.match(/^ +Ready +True .* AgentReady/m);
  });

  check('cordon and uncordon', async (k, server) => {
    expect(await k.ok('cordon', name(k))).to.equal(`node/${name(k)} cordoned\n`);
    expect(await server.read(path(name(k)))).to.have.nested.property('spec.unschedulable', true);
    expect(await k.ok('cordon', name(k))).to.equal(`node/${name(k)} already cordoned\n`);
    expect(await k.ok('get', 'node', name(k))).to.match(/ Ready,SchedulingDisabled /);
    expect(await k.ok('uncordon', name(k), '--dry-run=server')).to.equal(
      `node/${name(k)} uncordoned (server dry run)\n`,
    );
    expect(await k.ok('uncordon', name(k))).to.equal(`node/${name(k)} uncordoned\n`);
    expect(await server.read(path(name(k)))).to.not.have.nested.property('spec.unschedulable');
    expect(await k.ok('uncordon', name(k))).to.equal(`node/${name(k)} already uncordoned\n`);
    expect(await k.ok('cordon', '-l', `kubernetes.io/none=x`)).to.equal('');
    expect(await k.fails('cordon', 'none')).to.include('nodes "none" not found');
  });

  check('taint: adds, refuses to double, changes, takes away', async (k, server) => {
    const taints = async (): Promise<unknown> => (await server.read(path(name(k))))['spec']?.['taints'];
    expect(await k.ok('taint', 'nodes', name(k), 'k=v:NoSchedule')).to.equal(`node/${name(k)} tainted\n`);
    expect(await taints()).to.deep.equal([{ key: 'k', value: 'v', effect: 'NoSchedule' }]);
    expect(await k.fails('taint', 'node', name(k), 'k=w:NoSchedule')).to.match(
      /already has k taint\(s\) with same effect\(s\) and --overwrite is false/,
    );
    expect(await k.ok('taint', 'node', name(k), 'k=w:NoSchedule', '--overwrite')).to.equal(
      `node/${name(k)} modified\n`,
    );
    expect(await k.ok('taint', 'node', name(k), 'l:PreferNoSchedule')).to.equal(`node/${name(k)} tainted\n`);
    expect(await taints()).to.have.deep.members([
      { key: 'k', value: 'w', effect: 'NoSchedule' },
      { key: 'l', effect: 'PreferNoSchedule' },
    ]);
    expect(await k.ok('taint', 'node', name(k), 'm=n:NoSchedule', '--dry-run=server')).to.match(/ tainted/);
    expect(await k.ok('taint', 'nodes', name(k), 'k:NoSchedule-')).to.equal(`node/${name(k)} untainted\n`);
    expect(await k.ok('taint', 'nodes', name(k), 'l-')).to.equal(`node/${name(k)} untainted\n`);
    expect(await taints()).to.equal(undefined);
    expect(await k.fails('taint', 'nodes', name(k), 'k=v:Never')).to.match(
      /invalid taint effect: Never, unsupported taint effect/,
    );
    expect(await k.fails('taint', 'nodes', name(k), 'l-')).to.match(/taint "l" not found/);
  });

  check('patches lists by their keys and replaces others', async (k, server) => {
    const patch = (text: string, ...more: readonly string[]) => k.ok('patch', 'node', name(k), ...more, '-p', text);
    await patch('{"spec":{"taints":[{"key":"a","effect":"NoSchedule"}]}}');
    await patch('{"spec":{"taints":[{"key":"b","effect":"NoSchedule"}]}}');
    expect((await server.read(path(name(k))))['spec']?.['taints']).to.deep.equal([{ key: 'b', effect: 'NoSchedule' }]);
    await patch('{"spec":{"taints":null}}', '--type=merge');
    expect(await k.ok('label', 'node', name(k), 'disk=fast', '--overwrite')).to.equal(`node/${name(k)} labeled\n`);
    expect(await k.ok('annotate', 'node', name(k), 'note=x')).to.equal(`node/${name(k)} annotated\n`);
  });

  check('drain of a node on which nothing runs', async (k, server) => {
    const drained = `drained-${k.tag}`;
    await k.feed(node(drained)).ok('create', '-f', '-');
    expect(await k.ok('drain', drained, '--dry-run=server')).to.match(/drained \(server dry run\)\n$/);
    expect(await server.read(path(drained))).to.not.have.nested.property('spec.unschedulable');
    expect(await k.ok('drain', drained, '--ignore-daemonsets', '--force')).to.equal(
      `node/${drained} cordoned\nnode/${drained} drained\n`,
    );
    expect(await server.read(path(drained))).to.have.nested.property('spec.unschedulable', true);
    expect(await k.fails('drain', 'none')).to.include('nodes "none" not found');
    await k.ok('delete', 'node', drained);
  });

  check('create and delete', async (k) => {
    const other = `other-${k.tag}`;
    expect(await k.feed(node(other)).ok('create', '-f', '-')).to.equal(`node/${other} created\n`);
    expect(await k.ok('delete', 'node', other)).to.equal(`node "${other}" deleted\n`);
    expect(await k.fails('get', 'node', other)).to.equal(`Error from server (NotFound): nodes "${other}" not found\n`);
  });
});
