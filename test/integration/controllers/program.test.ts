// runink-controllers as a program against a real server: it is ready, works, takes over, and stops without a trace.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import {
  type ApiObject,
  isApiError,
  type Kind,
  kinds,
  type Lease,
  type OwnerReference,
  type Ref,
  wellKnown,
} from '../../../apis/index.ts';
import { type RunningServer, startServer } from '../../../apiserver/index.ts';
import { type Barn, createMemoryBarn } from '../../../barn/index.ts';
import { present, silentLog, systemClock, systemRandom } from '../../../base/index.ts';
import { HttpClient, loadKubeconfig } from '../../../client/index.ts';
import { servedKindOf } from '../../../controllers/kit/index.ts';

const program = fileURLToPath(new URL('../../../controllers/main.js', import.meta.url));
const leaseRef = { namespace: wellKnown.systemHerd, name: wellKnown.schedulerLease };

describe('runink-controllers', function () {
  this.timeout(60_000);
  let data: string;
  let barn: Barn;
  let server: RunningServer;
  let client: HttpClient;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), 'runink-controllers-'));
    barn = createMemoryBarn();
    const deps = { clock: systemClock, random: systemRandom, log: silentLog };
    server = await startServer({ ...deps, data, barn, port: 0, nodes: [], version: 'test' });
    client = new HttpClient(await loadKubeconfig(join(data, 'admin.kubeconfig')));
  });
  afterEach(async () => {
    await Promise.all(children.splice(0).map((child) => end(child, 'SIGKILL')));
    client[Symbol.dispose]();
    await server.close();
    await barn.close();
    await rm(data, { recursive: true });
  });

  it('binds a slice to a node, and on SIGTERM gives up its lease and ends with 0', async () => {
    const child = await start();
    const node = await client.create(kinds.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
    const conditions = [{ type: 'Ready', status: 'True' }] as const;
    const status = { allocatable: { cpu: '1', memory: '1Gi' }, conditions };
    await client.updateStatus(kinds.nodes, { ...node, status });
    await client.create(kinds.slices, {
      apiVersion: 'runink.io/v1',
      kind: 'Slice',
      metadata: { namespace: 'default', name: 's' },
      spec: { run: 'r', step: 's', attempt: 1, cpuMillis: 100 },
    });
    await until(
      async () => (await client.get(kinds.slices, { namespace: 'default', name: 's' })).spec.nodeName === 'n1',
    );
    expect((await lease())?.spec?.holderIdentity).to.match(new RegExp(`_${child.pid ?? 0}_\\d+$`));
    expect(await end(child, 'SIGTERM')).to.equal(0);
    expect((await lease())?.spec?.holderIdentity ?? '').to.equal('');
  });

  it('ends once when it gets a signal and its stdin ends', async () => {
    const child = await start({ RUNINK_EXIT_ON_STDIN_EOF: '1' });
    await until(async () => ((await lease())?.spec?.holderIdentity ?? '') !== '');
    child.stdin?.end();
    expect(await end(child, 'SIGTERM')).to.equal(0);
    expect((await lease())?.spec?.holderIdentity ?? '').to.equal('');
  });

  it('takes over at once from one that was killed, under a new epoch', async () => {
    // A lease that nobody could wait for.
    const first = await start({}, ['--leader-elect-lease-ms', '3600000', '--leader-elect-renew-ms', '1000']);
    await until(async () => ((await lease())?.spec?.holderIdentity ?? '') !== '');
    await end(first, 'SIGKILL');
    const second = await start();
    await until(async () => (await lease())?.spec?.holderIdentity?.includes(`_${second.pid ?? 0}_`) === true);
    expect((await lease())?.spec?.leaseTransitions).to.equal(1);
  });

  it('finds what is of users’ kinds: collects what has lost its owner, and empties a herd of it', async () => {
    await start();
    const names = { plural: 'toys', singular: 'toy', kind: 'Toy', listKind: 'ToyList' };
    const openAPIV3Schema = { type: 'object' };
    const versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }];
    await client.create(kinds.customResourceDefinitions, {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'toys.example.com' },
      spec: { group: 'example.com', scope: 'Namespaced', names, versions },
    });
    const definition = async () => client.get(kinds.customResourceDefinitions, { name: 'toys.example.com' });
    await until(async () => servedKindOf(await definition()) !== undefined);
    const kind = servedKindOf(await definition());
    if (kind === undefined) throw new Error('the kind is not served');
    await client.create(kinds.herds, { apiVersion: 'runink.io/v1', kind: 'Herd', metadata: { name: 'team' } });
    const toy = (name: string, ownerReferences: readonly OwnerReference[] = []) =>
      client.create<ApiObject>(kind, {
        apiVersion: 'example.com/v1',
        kind: 'Toy',
        metadata: { namespace: 'team', name, ownerReferences },
      });
    const { uid = '' } = (await toy('owner')).metadata;
    await toy('owned', [{ apiVersion: 'example.com/v1', kind: 'Toy', name: 'owner', uid }]);
    await client.delete(kind, { namespace: 'team', name: 'owner' });
    await until(() => isGone(kind, { namespace: 'team', name: 'owned' }));
    await toy('left');
    await client.delete(kinds.herds, { name: 'team' });
    await until(() => isGone(kinds.herds, { name: 'team' }));
    expect((await client.list<ApiObject>(kind)).items).to.deep.equal([]);
  });

  it('stands by while another leads', async () => {
    const first = await start();
    await until(async () => ((await lease())?.spec?.holderIdentity ?? '') !== '');
    const second = await start();
    expect((await lease())?.spec?.holderIdentity).to.include(`_${first.pid ?? 0}_`);
    await end(first, 'SIGTERM');
    await until(async () => (await lease())?.spec?.holderIdentity?.includes(`_${second.pid ?? 0}_`) === true);
  });

  it('writes nothing under a lead that was taken from it, before it knows', async () => {
    const child = await start();
    const own = `_${child.pid ?? 0}_`;
    await until(async () => (await lease())?.spec?.holderIdentity?.includes(own) === true);
    // A renewal may come in between.
    await until(async () => {
      const { spec, ...there } = present(await lease(), 'lease');
      const thief = { ...spec, holderIdentity: 'thief', leaseTransitions: 7, leaseDurationSeconds: 1 };
      return client.update(kinds.leases, { ...there, spec: thief }).then(
        () => true,
        () => false,
      );
    });
    const { resourceVersion = '' } = present(await lease(), 'lease').metadata;
    await client.create(kinds.pipelines, {
      apiVersion: 'runink.io/v1',
      kind: 'Pipeline',
      metadata: { namespace: 'default', name: 'p' },
      spec: { steps: [{ name: 's', use: 'exec', with: { command: ['/bin/true'] } }] },
    });
    const taken = await versionOf(kinds.leases, wellKnown.systemHerd, resourceVersion, ({ spec }) =>
      spec?.holderIdentity?.includes(own),
    );
    const made = await versionOf(kinds.runs, 'default', resourceVersion, () => true);
    expect(made, 'the run came before the lead').to.be.greaterThan(taken);
  });

  for (const [title, args, code, message] of [
    ['without a kubeconfig', [], 2, /--kubeconfig FILE is missing\nusage: /],
    ['with an unknown flag', ['--kubeconfig', 'x', '--nope'], 2, /Unknown option '--nope'/],
    [
      'with a kubeconfig that is not there',
      ['--kubeconfig', '/nowhere/file'],
      1,
      /kubeconfig \/nowhere\/file cannot be read/,
    ],
  ] as const)
    it(`says what is wrong ${title}`, async () => {
      const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
      let text = '';
      child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
      expect(await new Promise((resolve) => child.once('close', resolve))).to.equal(code);
      expect(text).to.match(message);
      expect(text.split('\n').length).to.be.lessThan(6);
    });

  async function start(env: NodeJS.ProcessEnv = {}, flags: readonly string[] = []): Promise<ChildProcess> {
    const argv = [program, '--kubeconfig', join(data, 'controllers.kubeconfig'), '--log-level', 'error', ...flags];
    const child = spawn(process.execPath, argv, {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.push(child);
    const [line] = await Promise.race([
      once(createInterface({ input: child.stdout })),
      new Promise<never>((_, reject) =>
        child.once('exit', (code) => reject(new Error(`it ended with ${code ?? 'a signal'}`))),
      ),
    ]);
    expect(line).to.equal('{"ready":true}');
    return child;
  }

  /** The version of the first object after `resourceVersion` for which `holds`. */
  async function isGone<T extends ApiObject>(kind: Kind<T>, ref: Ref): Promise<boolean> {
    try {
      await client.get(kind, ref);
      return false;
    } catch (cause) {
      if (isApiError(cause, 'NotFound')) return true;
      throw cause;
    }
  }

  async function versionOf<T extends ApiObject>(
    kind: Kind<T>,
    namespace: string,
    resourceVersion: string,
    holds: (object: T) => boolean | undefined,
  ): Promise<number> {
    const signal = AbortSignal.timeout(20_000);
    for await (const event of client.watch(kind, { namespace, resourceVersion, signal }))
      if (event.type !== 'BOOKMARK' && holds(event.object) === true)
        return Number(event.object.metadata.resourceVersion);
    throw new Error(`nothing of ${kind.plural} came in time`);
  }

  const lease = (): Promise<Lease | undefined> =>
    client.get(kinds.leases, leaseRef).catch((cause: unknown) => {
      if (isApiError(cause, 'NotFound')) return undefined;
      throw cause;
    });
});

const once = (lines: NodeJS.EventEmitter): Promise<readonly [string]> =>
  new Promise((resolve) => lines.once('line', (line: string) => resolve([line])));

/** Sends the signal and gives the exit code, or null after a death by signal. */
function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill(signal);
  });
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + 30_000;
  while (!(await holds())) {
    if (Date.now() > deadlineMs) throw new Error('it did not come true in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
