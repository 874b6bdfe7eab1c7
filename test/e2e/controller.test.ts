// A controller that somebody wrote with the real client library, over kinds of their own, while three servers are killed,
// stopped and lose their leader, and history is forgotten. In the end everything is as the orders have it.
//   CONTROLLER_SEED=N repeats the choices of a run; CONTROLLER_SECONDS=N is how long trouble lasts.
import { expect } from 'chai';
import { Chance } from '../sim/chance.ts';
import { startCluster, type TestCluster } from '../support/cluster.ts';
import { ShopController } from '../support/controller/controller.ts';
import { codeOf, mergePatch, RoamingApi } from '../support/controller/roaming-api.ts';
import { definitions, group, type Order, orderOf, type Parcel, plan } from '../support/controller/shop.ts';
import { Nemesis } from '../support/on-top/nemesis.ts';
import { pause, Servers, within } from '../support/on-top/roaming.ts';
import { Upheaval } from '../support/on-top/upheaval.ts';

const seed = Number(process.env['CONTROLLER_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const troubleMs = Number(process.env['CONTROLLER_SECONDS'] ?? 10) * 1000;
const settleMsMax = 90_000;
const leaseMs = 3_000;
const namespace = 'default';
const orders = 10;
const parcelsMax = 4;
const thinkMs = 60;
const quietMs = 2_500;
const place = { group, version: 'v1', namespace, plural: 'orders' };

describe(`a controller written with client-node, CONTROLLER_SEED=${seed}`, function () {
  this.timeout(troubleMs + settleMsMax + 120_000);
  const chance = new Chance(seed);
  const over = new AbortController();
  let cluster: TestCluster;
  let servers: Servers | undefined;
  let nemesis: Nemesis | undefined;
  let controller: ShopController | undefined;
  let busy: Promise<unknown> = Promise.resolve();

  before(async () => {
    cluster = await startCluster(['--servers', '3', '--agents', '1', '--isolation', 'none']);
    servers = new Servers(cluster.client.raw.connection);
  });
  after(async () => {
    over.abort();
    await busy;
    nemesis?.end();
    await controller?.stop();
    servers?.[Symbol.dispose]();
    await cluster?.stop();
  });

  it('ends in the right state', async () => {
    const { connection } = cluster.client.raw;
    const api = new RoamingApi(cluster.kubeconfig, connection, chance.fork());
    if (servers === undefined) throw new Error('no servers');
    for (const definition of definitions) await api.ask(({ objects }) => objects.create(definition));
    await settled('both kinds are served', () => lists(api));
    controller = new ShopController(api, namespace);
    await controller.start();
    nemesis = new Nemesis(cluster, servers, chance.fork(), leaseMs);
    const upheaval = new Upheaval(servers, chance.fork(), { forgets: true });

    const trouble = within(troubleMs, over.signal);
    const all = [nemesis.run(trouble), upheaval.run(trouble), orderAnyhow(api, chance.fork(), trouble)];
    busy = Promise.allSettled(all);
    await Promise.all(all);
    nemesis.end();

    const { counts, violations } = controller;
    const shop = controller;
    const seen = await settled('everything is as the orders have it', async () => wrongIn(shop, await lists(api)));
    expect(violations).to.deep.equal([]);
    console.log(
      `      ${[...nemesis.deeds, ...upheaval.deeds].map(([deed, times]) => `${deed} ${times}`).join(', ')}; ` +
        `${seen.orders} orders, ${seen.parcels} parcels, ${counts.looks} looks, ${counts.failures} watches failed, ${counts.lists} lists`,
    );
    expect(counts.looks, 'looks').to.be.greaterThan(orders);
  });
});

interface Lists {
  readonly orders: readonly Order[];
  readonly parcels: readonly Parcel[];
}

async function lists(api: RoamingApi): Promise<Lists> {
  const apiVersion = `${group}/v1`;
  const found = await api.ask(({ objects }) => objects.list<Order>(apiVersion, 'Order', namespace));
  const made = await api.ask(({ objects }) => objects.list<Parcel>(apiVersion, 'Parcel', namespace));
  return { orders: found.items, parcels: made.items };
}

/** How much there is; throws while anything is not as it is to be, or not as the informers have it. */
function wrongIn(controller: ShopController, { orders: found, parcels }: Lists) {
  const keys = new Set([
    ...found.map(({ metadata }) => metadata?.name ?? ''),
    ...parcels.map(({ spec }) => spec.order),
  ]);
  for (const key of keys) {
    const order = found.find(({ metadata }) => metadata?.name === key);
    const own = parcels.filter(({ spec }) => spec.order === key);
    const actions = plan(order, own);
    if (actions.length > 0 || order?.metadata?.deletionTimestamp !== undefined)
      throw new Error(`${key} is not done: ${JSON.stringify({ order, own })}`);
  }
  expect(versionsOf(controller.orders.list(namespace))).to.deep.equal(versionsOf(found));
  expect(versionsOf(controller.parcels.list(namespace))).to.deep.equal(versionsOf(parcels));
  return { orders: found.length, parcels: parcels.length };
}

function versionsOf(objects: readonly (Order | Parcel)[]): readonly string[] {
  return objects.map(({ metadata }) => `${metadata?.name} ${metadata?.resourceVersion}`).toSorted();
}

/** Makes, changes and deletes orders; whether any of it is done does not matter. */
async function orderAnyhow(api: RoamingApi, chance: Chance, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const name = `order-${chance.between(1, orders)}`;
    const spec = { parcels: chance.between(0, parcelsMax), note: `note-${chance.between(1, 99)}` };
    try {
      if (chance.happens(0.3)) await api.ask(({ objects }) => objects.create(orderOf(namespace, name, spec)));
      else if (chance.happens(0.2))
        await api.ask(({ custom }) => custom.deleteNamespacedCustomObject({ ...place, name }));
      else
        await api.ask(({ custom }) =>
          custom.patchNamespacedCustomObject({ ...place, name, body: { spec } }, mergePatch),
        );
    } catch (cause) {
      const code = codeOf(cause);
      // What no trouble explains: the API found something wrong with it.
      if (code === 400 || code === 401 || code === 403 || code === 422 || code === 500) throw cause;
    }
    // While nothing happens, what the informers know last may be forgotten before their server goes.
    await pause(chance.happens(0.03) ? quietMs : chance.between(1, 2 * thinkMs));
  }
}

/** What `look` gives once it no longer throws. */
async function settled<T>(what: string, look: () => Promise<T>): Promise<T> {
  const deadline = AbortSignal.timeout(settleMsMax);
  for (;;) {
    try {
      return await look();
    } catch (cause) {
      if (deadline.aborted) throw new Error(`not within ${settleMsMax} ms: ${what}`, { cause });
    }
    await pause(200);
  }
}
