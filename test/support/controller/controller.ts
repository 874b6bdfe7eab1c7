// A controller as people write them: informers, a set of keys to look at, one look after another.
import { type KubernetesListObject, type KubernetesObject, ListWatch } from '@kubernetes/client-node';
import { present } from '../../../base/index.ts';
import { codeOf, mergePatch, type RoamingApi } from './roaming-api.ts';
import { type Action, group, type Order, type Parcel, plan } from './shop.ts';

const againMs = 100;
const version = 'v1';

/** Works until it is stopped. */
export class ShopController {
  /** How often it looked, had to begin a watch anew, and to list anew. */
  readonly counts = { looks: 0, failures: 0, lists: 0 };
  /** Where what it was told went back in time. */
  readonly violations: string[] = [];
  readonly orders: ListWatch<Order>;
  readonly parcels: ListWatch<Parcel>;
  readonly #api: RoamingApi;
  readonly #namespace: string;
  readonly #keys = new Set<string>();
  #wake: () => void = () => undefined;
  #isStopped = false;
  #working: Promise<void> = Promise.resolve();

  constructor(api: RoamingApi, namespace: string) {
    this.#api = api;
    this.#namespace = namespace;
    this.orders = this.#informer<Order>('Order', 'orders', ({ metadata }) => metadata?.name ?? '');
    this.parcels = this.#informer<Parcel>('Parcel', 'parcels', ({ spec }) => spec.order);
  }

  async start(): Promise<void> {
    await Promise.all([this.orders.start(), this.parcels.start()]);
    this.#working = this.#work();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake();
    await Promise.all([this.orders.stop(), this.parcels.stop(), this.#working]);
  }

  #informer<T extends KubernetesObject>(kind: string, plural: string, keyOf: (object: T) => string): ListWatch<T> {
    const path = `/apis/${group}/${version}/namespaces/${this.#namespace}/${plural}`;
    const list = (): Promise<KubernetesListObject<T>> => {
      this.counts.lists++;
      return this.#api.ask(({ objects }) => objects.list<T>(`${group}/${version}`, kind, this.#namespace));
    };
    const informer = new ListWatch<T>(path, this.#api.watch(), list, false);
    const newest = new Map<string, number>();
    informer.on('change', (object) => {
      const { uid = '', resourceVersion = '' } = object.metadata ?? {};
      const [before, now] = [newest.get(uid) ?? 0, Number(resourceVersion)];
      if (now < before) this.violations.push(`${kind} ${object.metadata?.name}: version ${now} after ${before}`);
      newest.set(uid, now);
      this.#look(keyOf(object));
    });
    informer.on('error', () => {
      this.counts.failures++;
      setTimeout(() => {
        if (!this.#isStopped) void informer.start();
      }, againMs);
    });
    return informer;
  }

  #look(key: string): void {
    this.#keys.add(key);
    this.#wake();
  }

  async #work(): Promise<void> {
    while (!this.#isStopped) {
      const [key] = this.#keys;
      if (key === undefined) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      this.#keys.delete(key);
      this.counts.looks++;
      try {
        const parcels = this.parcels.list(this.#namespace).filter(({ spec }) => spec.order === key);
        for (const action of plan(this.orders.get(key, this.#namespace), parcels)) await this.#act(action);
      } catch {
        // The informers may be behind, or a server away: it is looked at again, by what is known then.
        setTimeout(() => this.#look(key), againMs);
      }
    }
  }

  async #act(action: Action): Promise<void> {
    switch (action.do) {
      case 'create':
        await this.#api.ask(({ objects }) => objects.create(action.parcel));
        return;
      case 'replace':
        await this.#api.ask(({ objects }) => objects.replace(action.parcel));
        return;
      case 'delete':
        return this.#delete(action.parcel);
      case 'finalizers': {
        const { finalizers, order } = action;
        const { resourceVersion } = order.metadata ?? {};
        return this.#patch(order, { metadata: { finalizers, resourceVersion } }, 'patchNamespacedCustomObject');
      }
      case 'status':
        return this.#patch(action.order, { status: action.status }, 'patchNamespacedCustomObjectStatus');
      default:
        return action satisfies never;
    }
  }

  async #delete(parcel: Parcel): Promise<void> {
    const { name = '', uid } = parcel.metadata ?? {};
    const body = { preconditions: { uid: present(uid, 'uid') } };
    const namespace = this.#namespace;
    try {
      await this.#api.ask(({ custom }) =>
        custom.deleteNamespacedCustomObject({ group, version, namespace, plural: 'parcels', name, body }),
      );
    } catch (cause) {
      if (codeOf(cause) !== 404) throw cause;
    }
  }

  async #patch(
    { metadata }: Order,
    body: unknown,
    how: 'patchNamespacedCustomObject' | 'patchNamespacedCustomObjectStatus',
  ): Promise<void> {
    const place = { group, version, namespace: this.#namespace, plural: 'orders', name: metadata?.name ?? '' };
    await this.#api.ask(({ custom }) => custom[how]({ ...place, body }, mergePatch));
  }
}
