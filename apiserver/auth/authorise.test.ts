import { expect } from 'chai';
import { isApiError, type KindInfo, kinds, type Unstructured } from '../../apis/index.ts';
import { parseFieldSelector } from '../view/field-selector.ts';
import type { Attributes, Verb } from './attributes.ts';
import { authorise, pathAllowed } from './authorise.ts';
import { nodeGuard } from './node-guard.ts';
import type { NodeLookups } from './node-role.ts';
import type { User } from './user.ts';

const admin: User = { name: 'admin', groups: ['system:masters'] };
const controllers: User = { name: 'runink-controllers', groups: ['runink:controllers'] };
const node: User = { name: 'system:node:n1', groups: ['system:nodes'] };
const nobody: User = { name: 'joe', groups: ['system:authenticated'] };

const slice = (run: string, step: string, nodeName: string): Unstructured => ({
  metadata: { name: `${run}-${step}` },
  spec: { run, step, nodeName },
});
const slices = [slice('r', 'a', 'n1'), slice('r', 'b', 'n2')];
const run: Unstructured = {
  metadata: { name: 'r' },
  spec: {
    plan: {
      steps: [
        { name: 'a', bundle: 'code', inputs: [{ contract: 'in' }], contract: 'check', secrets: [{ name: 'mine' }] },
        { name: 'b', bundle: 'other', inputs: [], secrets: [{ name: 'theirs' }] },
      ],
    },
  },
};
const lookups: NodeLookups = {
  slice: async (herd, name) => (herd === 'h' ? slices.find((item) => item.metadata.name === name) : undefined),
  run: async (herd, name) => (herd === 'h' && name === 'r' ? run : undefined),
  liveSlicesOf: async (name, herd) =>
    herd === 'h' ? slices.filter((item) => JSON.stringify(item.spec).includes(`"${name}"`)) : [],
};

interface Wanted {
  readonly verb: Verb;
  readonly info: KindInfo;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
  readonly fields?: string;
  readonly mediaType?: string;
}

async function may(user: User, { fields = '', ...wanted }: Wanted): Promise<boolean> {
  const attributes: Attributes = { user, ...wanted, fields: parseFieldSelector(fields, wanted.info) };
  try {
    await authorise(attributes, lookups);
    return true;
  } catch (error) {
    if (isApiError(error, 'Forbidden')) return false;
    throw error;
  }
}

const verbs: readonly Verb[] = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
const all: readonly KindInfo[] = [
  kinds.events,
  kinds.namespaces,
  kinds.nodes,
  kinds.pods,
  kinds.secrets,
  kinds.serviceAccounts,
  kinds.leases,
  kinds.annotations,
  kinds.bundles,
  kinds.contracts,
  kinds.herds,
  kinds.pipelines,
  kinds.runs,
  kinds.slices,
];

describe('apiserver: roles', () => {
  for (const info of all) {
    const place = info.scope === 'Namespaced' ? { namespace: 'h' } : {};
    it(`on ${info.plural}: admin may all, controllers all but secrets' content, others nothing`, async () => {
      for (const verb of verbs) {
        const wanted = { verb, info, ...place, name: 'x' };
        expect(await may(admin, wanted), `admin ${verb}`).to.equal(true);
        const writesSecret = info === kinds.secrets && ['create', 'update', 'patch'].includes(verb);
        expect(await may(controllers, wanted), `controllers ${verb}`).to.equal(!writesSecret);
        expect(await may(nobody, wanted), `nobody ${verb}`).to.equal(false);
      }
    });

    it(`on ${info.plural} that are not its own a node may do nothing but create events`, async () => {
      for (const verb of verbs) {
        const isAllowed = verb === 'create' && (info === kinds.events || info === kinds.nodes);
        expect(await may(node, { verb, info, ...place, name: 'x' }), verb).to.equal(isAllowed);
      }
    });
  }

  for (const [title, wanted, allowed] of [
    ['get its Node', { verb: 'get', info: kinds.nodes, name: 'n1' }, true],
    ['get another Node', { verb: 'get', info: kinds.nodes, name: 'n2' }, false],
    ['write its status', { verb: 'patch', info: kinds.nodes, name: 'n1', subresource: 'status' }, true],
    ['open its tunnel', { verb: 'get', info: kinds.nodes, name: 'n1', subresource: 'tunnel' }, true],
    ['open another tunnel', { verb: 'get', info: kinds.nodes, name: 'n2', subresource: 'tunnel' }, false],
    ['delete its Node', { verb: 'delete', info: kinds.nodes, name: 'n1' }, false],
    ['list all Nodes', { verb: 'list', info: kinds.nodes }, false],
    ['renew its Lease', { verb: 'update', info: kinds.leases, namespace: 'runink-node-lease', name: 'n1' }, true],
    ['create a Lease', { verb: 'create', info: kinds.leases, namespace: 'runink-node-lease' }, true],
    ['renew another Lease', { verb: 'update', info: kinds.leases, namespace: 'runink-node-lease', name: 'n2' }, false],
    [
      'renew the scheduler’s Lease',
      { verb: 'update', info: kinds.leases, namespace: 'runink-system', name: 'n1' },
      false,
    ],
    ['watch its slices', { verb: 'watch', info: kinds.slices, fields: 'spec.nodeName=n1' }, true],
    [
      'list its slices in a herd',
      { verb: 'list', info: kinds.slices, namespace: 'h', fields: 'spec.nodeName=n1,status.phase!=Failed' },
      true,
    ],
    ['list slices of another', { verb: 'list', info: kinds.slices, fields: 'spec.nodeName=n2' }, false],
    ['list slices not of another', { verb: 'list', info: kinds.slices, fields: 'spec.nodeName!=n2' }, false],
    ['list all slices', { verb: 'list', info: kinds.slices }, false],
    ['get its slice', { verb: 'get', info: kinds.slices, namespace: 'h', name: 'r-a' }, true],
    ['get another’s slice', { verb: 'get', info: kinds.slices, namespace: 'h', name: 'r-b' }, false],
    [
      'write its slice’s status',
      { verb: 'update', info: kinds.slices, namespace: 'h', name: 'r-a', subresource: 'status' },
      true,
    ],
    [
      'write another’s slice’s status',
      { verb: 'patch', info: kinds.slices, namespace: 'h', name: 'r-b', subresource: 'status' },
      false,
    ],
    ['write its slice', { verb: 'update', info: kinds.slices, namespace: 'h', name: 'r-a' }, false],
    [
      'bind a slice',
      { verb: 'create', info: kinds.slices, namespace: 'h', name: 'r-a', subresource: 'binding' },
      false,
    ],
    [
      'read its slice’s log',
      { verb: 'get', info: kinds.slices, namespace: 'h', name: 'r-a', subresource: 'log' },
      false,
    ],
    ['watch its slices as pods', { verb: 'watch', info: kinds.pods, fields: 'spec.nodeName=n1' }, false],
    ['get its slice as a pod', { verb: 'get', info: kinds.pods, namespace: 'h', name: 'r-a' }, false],
    ['get its run', { verb: 'get', info: kinds.runs, namespace: 'h', name: 'r' }, true],
    ['get the herd of its slice', { verb: 'get', info: kinds.herds, name: 'h' }, true],
    ['get another herd', { verb: 'get', info: kinds.herds, name: 'g' }, false],
    ['list herds', { verb: 'list', info: kinds.herds }, false],
    ['get its herd as a namespace', { verb: 'get', info: kinds.namespaces, name: 'h' }, false],
    ['get a run of another herd', { verb: 'get', info: kinds.runs, namespace: 'g', name: 'r' }, false],
    ['list runs', { verb: 'list', info: kinds.runs, namespace: 'h' }, false],
    [
      'write its run’s status',
      { verb: 'update', info: kinds.runs, namespace: 'h', name: 'r', subresource: 'status' },
      false,
    ],
    ['get the bundle its step names', { verb: 'get', info: kinds.bundles, namespace: 'h', name: 'code' }, true],
    [
      'get its content',
      { verb: 'get', info: kinds.bundles, namespace: 'h', name: 'code', subresource: 'content' },
      true,
    ],
    [
      'put its content',
      { verb: 'update', info: kinds.bundles, namespace: 'h', name: 'code', subresource: 'content' },
      false,
    ],
    ['get the bundle of a step elsewhere', { verb: 'get', info: kinds.bundles, namespace: 'h', name: 'other' }, false],
    ['get the contract of an input', { verb: 'get', info: kinds.contracts, namespace: 'h', name: 'in' }, true],
    ['get the contract it validates', { verb: 'get', info: kinds.contracts, namespace: 'h', name: 'check' }, true],
    ['get the secret its step names', { verb: 'get', info: kinds.secrets, namespace: 'h', name: 'mine' }, true],
    ['get the secret of a step elsewhere', { verb: 'get', info: kinds.secrets, namespace: 'h', name: 'theirs' }, false],
    [
      'get a secret of that name in another herd',
      { verb: 'get', info: kinds.secrets, namespace: 'g', name: 'mine' },
      false,
    ],
    [
      'watch that secret',
      { verb: 'watch', info: kinds.secrets, namespace: 'h', name: 'mine', fields: 'metadata.name=mine' },
      false,
    ],
    ['update that secret', { verb: 'update', info: kinds.secrets, namespace: 'h', name: 'mine' }, false],
  ] as const) {
    it(`a node may ${allowed ? '' : 'not '}${title}`, async () => expect(await may(node, wanted)).to.equal(allowed));
  }

  const viewer: User = { name: 'viewer', groups: ['runink:viewers:h', 'system:authenticated'] };
  for (const info of all)
    it(`on ${info.plural}: a viewer reads what is in its herd, but no secrets`, async () => {
      const isNamespaced = info.scope === 'Namespaced';
      for (const verb of verbs) {
        const isReading = ['get', 'list', 'watch'].includes(verb);
        const isShown = isNamespaced ? info !== kinds.secrets : info === kinds.herds || info === kinds.namespaces;
        const place = isNamespaced ? { namespace: 'h', name: 'x' } : { name: 'h' };
        expect(await may(viewer, { verb, info, ...place }), verb).to.equal(isReading && isShown);
        const elsewhere = isNamespaced ? { namespace: 'g', name: 'x' } : { name: 'g' };
        expect(await may(viewer, { verb, info, ...elsewhere }), `${verb} elsewhere`).to.equal(false);
        expect(await may(viewer, { verb, info }), `${verb} everywhere`).to.equal(false);
      }
    });

  it('a viewer reads logs and progress, and no group is made of a part of its name', async () => {
    const log = { verb: 'get', info: kinds.runs, namespace: 'h', name: 'x', subresource: 'log' } as const;
    expect(await may(viewer, log)).to.equal(true);
    for (const group of ['runink:viewers:', 'runink:viewers', 'xrunink:viewers:h', 'runink:viewers:h '])
      expect(await may({ name: 'v', groups: [group] }, log), group).to.equal(false);
  });

  for (const [title, user, method, path, allowed] of [
    [
      'nobody not even health',
      { name: 'system:anonymous', groups: ['system:unauthenticated'] },
      'get',
      '/healthz',
      false,
    ],
    ['who is known discovery', viewer, 'get', '/apis/runink.io/v1', true],
    ['who is known no metrics', viewer, 'get', '/metrics', false],
    ['who is known no root', viewer, 'get', '/', false],
    ['who is known no other method', viewer, 'post', '/version', false],
    ['who is known not the store', viewer, 'get', '/barn/v1/status', false],
    ['controllers metrics', controllers, 'get', '/metrics', true],
    ['controllers not the store', controllers, 'get', '/barn/v1/status', false],
    ['the cluster admin the store', admin, 'post', '/barn/v1/compact', true],
  ] as const)
    it(`gives ${title}`, () => expect(pathAllowed(user, method, path)).to.equal(allowed));

  it('controllers may change a secret’s metadata by merge patch only', async () => {
    const wanted = { verb: 'patch', info: kinds.secrets, namespace: 'h', name: 'x' } as const;
    expect(await may(controllers, { ...wanted, mediaType: 'application/merge-patch+json' })).to.equal(true);
    expect(await may(controllers, { ...wanted, mediaType: 'application/json-patch+json' })).to.equal(false);
    expect(await may(controllers, { verb: 'get', info: kinds.nodes, name: 'n1', subresource: 'tunnel' })).to.equal(
      false,
    );
  });

  it('a user of the nodes’ group without a node’s name is no node', async () => {
    const odd: User = { name: 'system:node:', groups: ['system:nodes'] };
    expect(await may(odd, { verb: 'create', info: kinds.events, namespace: 'h' })).to.equal(false);
  });

  it('refuses in Kubernetes’ words', async () => {
    const wanted = { verb: 'list', info: kinds.pipelines, namespace: 'y', fields: [], user: nobody } as const;
    const error: unknown = await authorise(wanted, lookups).catch((cause: unknown) => cause);
    expect(isApiError(error) ? error.message : '').to.equal(
      'pipelines.runink.io is forbidden: User "joe" cannot list resource "pipelines" in API group "runink.io" in the namespace "y"',
    );
  });

  it('a node creates only its own Node, and does not take itself back', () => {
    const of = (name: string): Unstructured => ({ metadata: { name } });
    const guard = nodeGuard(node, { info: kinds.nodes, name: 'n1' });
    const stored = { ...of('n1'), spec: { taints: [{ key: 'k', effect: 'NoExecute' }] } };
    expect(() => guard?.(of('n1'), undefined)).to.not.throw();
    expect(() => guard?.(of('n2'), undefined)).to.throw('only its own');
    expect(() => guard?.({ ...stored, metadata: { name: 'n1', labels: { a: 'b' } } }, stored)).to.not.throw();
    expect(() => guard?.(of('n1'), stored)).to.throw('spec.taints');
    expect(() => guard?.({ ...stored, spec: { ...stored.spec, unschedulable: false } }, stored)).to.throw(
      'spec.taints',
    );
    expect(() => nodeGuard(node, { info: kinds.leases })?.(of('n2'), undefined)).to.throw('only its own');
    expect(nodeGuard(admin, { info: kinds.nodes })).to.equal(undefined);
    expect(nodeGuard(node, { info: kinds.slices })).to.equal(undefined);
  });
});
