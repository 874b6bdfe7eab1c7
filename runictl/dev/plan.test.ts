import { expect } from 'chai';
import { apiserverUnits, controllersUnits, type DevPlan, helperUnit, parseVolume, plainAgentUnit } from './plan.ts';
import { idRange, runtimeFolder } from './runtime.ts';

const plan: DevPlan = {
  dataDir: '/d',
  distDir: '/dist',
  node: '/usr/bin/node',
  port: 7443,
  isolation: 'full',
  nodes: ['node-1', 'node-2'],
  volumes: [
    { name: 'data', path: '/d/data', isWritable: true },
    { name: 'lake', path: '/lake', isWritable: false },
  ],
  env: {},
};

describe('what dev starts', () => {
  it('an API server that knows every node', () => {
    expect(apiserverUnits(plan).map(({ argv }) => argv.join(' '))).to.deep.equal([
      '/usr/bin/node /dist/bin/runink-apiserver --data /d/apiserver --port 7443 --node node-1 --node node-2',
    ]);
  });
  it('an API server with a file of tokens', () => {
    const [unit] = apiserverUnits({ ...plan, nodes: [], tokenFile: '/t.csv' });
    expect(unit?.argv.slice(-3)).to.deep.equal(['--token-auth-file', '/t.csv', '--insecure-static-tokens']);
  });
  it('several API servers on one etcd, each with all addresses', () => {
    const units = apiserverUnits({
      ...plan,
      nodes: [],
      serverPorts: [1, 2],
      etcdEndpoints: ['http://e:1', 'http://e:2'],
    });
    const both = '--api-servers https://127.0.0.1:1,https://127.0.0.1:2';
    expect(units.map(({ argv }) => argv.slice(2).join(' '))).to.deep.equal([
      `--data /d/apiserver --pki /d/pki --listen-client-urls https://127.0.0.1:1 ${both} --name apiserver --store etcd --etcd-endpoints http://e:1,http://e:2`,
      `--data /d/apiserver-2 --pki /d/pki --listen-client-urls https://127.0.0.1:2 ${both} --name apiserver-2 --store etcd --etcd-endpoints http://e:1,http://e:2`,
    ]);
  });
  it('several processes of controllers, each with what their lease is to last', () => {
    const units = controllersUnits({ ...plan, controllers: 2, leaseMs: 3000 });
    const flags = '--kubeconfig /d/apiserver/controllers.kubeconfig --leader-elect-lease-ms 3000';
    expect(units.map(({ name, argv, log }) => [name, argv.slice(2).join(' '), log])).to.deep.equal([
      ['controllers', flags, '/d/logs/controllers.log'],
      ['controllers-2', flags, '/d/logs/controllers-2.log'],
    ]);
    expect(controllersUnits(plan).map(({ name }) => name)).to.deep.equal(['controllers']);
  });
  it('a helper with the agent behind it, configured on descriptor 3', () => {
    const folder = runtimeFolder('0000000a');
    const unit = helperUnit(plan, 'node-1', {
      instance: '0000000a-0',
      folder,
      state: '/run/runink-0000000a/node-1/state',
      kubeconfig: '/run/runink-0000000a/node-1/kubeconfig',
      ids: idRange('0000000a', 0),
    });
    expect(unit.argv.join(' ')).to.equal(
      '/run/runink-0000000a/programs/runi-helper --config-fd 3 --agent-uid 101000000 --exchange-uid 101000001 --gid 101000000 -- ' +
        '/run/runink-0000000a/runtime/node /run/runink-0000000a/programs/runi-agent --kubeconfig /run/runink-0000000a/node-1/kubeconfig --node node-1 --state /run/runink-0000000a/node-1/state/agent',
    );
    expect(unit.config?.split('\n')).to.deep.equal([
      'instance=0000000a-0',
      'uid-range=101001000-101099999',
      'runtime=/run/runink-0000000a/runtime',
      'node=/run/runink-0000000a/runtime/node',
      'exchange=/run/runink-0000000a/programs/runi-exchange',
      'init=/run/runink-0000000a/programs/runi-init',
      'state=/run/runink-0000000a/node-1/state',
      'volume=*:data:/d/data:rw',
      'volume=*:lake:/lake:ro',
      '',
    ]);
  });
  it('a plain agent, with its share of the machine', () => {
    const { argv } = plainAgentUnit({ ...plan, share: { cpu: 1.5, memoryBytes: 1024 } }, 'node-2');
    expect(argv.slice(argv.indexOf('--isolation')).join(' ')).to.equal(
      '--isolation none --programs /dist/libexec --cpu 1.5 --memory 1024 --volume data=/d/data:rw --volume lake=/lake',
    );
  });
});

describe('idRange', () => {
  it('gives two nodes of a cluster ids that do not meet, all above people’s and below the kernel’s end', () => {
    const [a, b] = [idRange('ffffffff', 0), idRange('ffffffff', 1)];
    expect(Math.max(a.agentUid, b.agentUid) - Math.min(a.agentUid, b.agentUid)).to.be.at.least(100_000);
    for (const { agentUid, sliceUidFirst, sliceUidLast } of [a, b]) {
      expect(agentUid).to.be.at.least(65_536);
      expect(sliceUidLast - sliceUidFirst).to.be.at.least(65_535);
      expect(sliceUidLast).to.be.below(2 ** 31 - 1);
    }
  });
});

describe('parseVolume', () => {
  const absolute = (path: string): string => (path.startsWith('/') ? path : `/here/${path}`);
  for (const [text, volume] of [
    ['lake=/srv/lake', { name: 'lake', path: '/srv/lake', isWritable: false }],
    ['lake=/srv/lake:rw', { name: 'lake', path: '/srv/lake', isWritable: true }],
    ['l=a:b:ro', { name: 'l', path: '/here/a:b', isWritable: false }],
  ] as const)
    it(text, () => {
      expect(parseVolume(text, absolute)).to.deep.equal(volume);
    });
  for (const text of ['lake', 'La ke=/x', '=x', 'lake='])
    it(`refuses ${text}`, () => {
      expect(() => parseVolume(text, absolute)).to.throw('NAME=PATH');
    });
});
