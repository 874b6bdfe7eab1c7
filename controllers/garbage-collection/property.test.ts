// The garbage collector against a slow, obvious model, and in free play against what must always hold.
import { expect } from 'chai';
import { type ApiObject, isApiError, type Kind, kinds, type OwnerReference } from '../../apis/index.ts';
import { type Random, seededRandom } from '../../base/index.ts';
import { garbageCollector } from './index.ts';
import { gadgets, hold, kindOf, refTo, World, widgets } from './world.ts';

const all: readonly Kind<ApiObject>[] = [
  kinds.serviceAccounts,
  kinds.secrets,
  kinds.nodes,
  kindOf(widgets),
  kindOf(gadgets),
];
const policies = [undefined, 'Background', 'Foreground', 'Orphan'] as const;
type Policy = (typeof policies)[number];

describe('garbage collector: properties', () => {
  for (let seed = 1; seed <= 12; seed++)
    it(`leaves after each deletion what the model leaves (seed ${seed})`, async () => {
      const random = seededRandom(seed);
      const play = await Play.begin(random);
      const model = new Model();
      for (let step = 0; step < 30; step++) {
        const roll = random.next();
        if (roll < 0.5) {
          // Owners are older and block: then what remains does not hang on who is looked at first.
          const made = await play.make(play.owners({ inHerd: true, blocks: true }), play.finalizers());
          model.make(made);
        } else if (roll < 0.85) {
          const policy = pick(random, policies);
          const victim = await play.delete(policy);
          if (victim !== undefined) model.delete(victim, policy);
        } else {
          const held = await play.release();
          if (held !== undefined) model.release(held);
        }
        await play.world.rest();
        model.rest();
        expect(await play.picture(), `after step ${step}`).to.deep.equal(model.picture());
      }
      await play.end();
    });

  for (let seed = 1; seed <= 12; seed++)
    it(`collects nothing that has an owner, and comes to rest (seed ${seed})`, async () => {
      const random = seededRandom(100 + seed);
      const play = await Play.begin(random);
      const wrong = play.guard();
      for (let step = 0; step < 60; step++) {
        const roll = random.next();
        const action =
          roll < 0.5
            ? play.make(play.owners({ inHerd: false, blocks: false }), play.finalizers())
            : roll < 0.8
              ? play.delete(pick(random, policies))
              : roll < 0.9
                ? play.release()
                : play.tie();
        await action;
        for (let turns = Math.floor(random.next() * 6); turns > 0; turns--) await new Promise(setImmediate);
      }
      await play.world.rest();
      await play.world.rig.pass(20_000);
      expect([...wrong, ...(await play.unrest())]).to.deep.equal([]);
      await play.end();
    });
});

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random.next() * list.length)] as T;

interface Made {
  readonly kind: Kind<ApiObject>;
  readonly object: ApiObject;
}

/** Random users of an API. */
class Play {
  readonly world = new World();
  readonly #random: Random;
  /** Everything that was ever made. */
  readonly #made: Made[] = [];

  static async begin(random: Random): Promise<Play> {
    const play = new Play(random);
    for (const definition of [widgets, gadgets]) await play.world.define(definition);
    await play.world.rig.api.create(kinds.herds, { apiVersion: 'runink.io/v1', kind: 'Herd', metadata: { name: 'b' } });
    play.world.rig.run(garbageCollector);
    await play.world.rest();
    return play;
  }

  private constructor(random: Random) {
    this.#random = random;
  }

  end(): Promise<void> {
    return this.world.rig.end();
  }

  /** Of what was made; some are gone. */
  owners({
    inHerd,
    blocks,
  }: {
    inHerd: boolean;
    blocks: boolean;
  }): (kind: Kind<ApiObject>, herd: string) => OwnerReference[] {
    return (kind, herd) => {
      const able = this.#made.filter(
        (one) =>
          !inHerd ||
          one.kind.scope === 'Cluster' ||
          (kind.scope === 'Namespaced' && one.object.metadata.namespace === herd),
      );
      if (able.length === 0) return [];
      const chosen = new Set(
        Array.from({ length: Math.floor(this.#random.next() * 3.4) }, () => pick(this.#random, able)),
      );
      return [...chosen].map((one) => refTo(one.kind, one.object, blocks || this.#random.next() < 0.5));
    };
  }

  finalizers(): readonly string[] {
    const roll = this.#random.next();
    return roll < 0.7 ? [] : roll < 0.9 ? [hold] : ['orphan'];
  }

  async make(
    owners: (kind: Kind<ApiObject>, herd: string) => OwnerReference[],
    finalizers: readonly string[],
  ): Promise<Made> {
    const kind = pick(this.#random, all);
    const herd = this.#random.next() < 0.7 ? 'default' : 'b';
    const object = await this.world.make(kind, `${herd}/o${this.#made.length}`, owners(kind, herd), finalizers);
    const made = { kind, object };
    this.#made.push(made);
    return made;
  }

  async delete(policy: Policy): Promise<Made | undefined> {
    const victim = pick(this.#random, this.#made);
    if (victim === undefined) return undefined;
    return (await isDone(this.world.delete(victim.kind, nameOf(victim), policy))) ? victim : undefined;
  }

  async release(): Promise<Made | undefined> {
    const held = this.#made.filter(({ object }) => object.metadata.finalizers?.includes(hold));
    if (held.length === 0) return undefined;
    const one = pick(this.#random, held);
    return (await isDone(this.world.release(one.kind, nameOf(one)))) ? one : undefined;
  }

  /** Makes something own something, which may close a circle. */
  async tie(): Promise<void> {
    if (this.#made.length === 0) return;
    const [dependent, owner] = [pick(this.#random, this.#made), pick(this.#random, this.#made)];
    const now = await this.world.find(dependent.kind, nameOf(dependent));
    const isThere = (await this.world.find(owner.kind, nameOf(owner))) !== undefined;
    if (
      now === undefined ||
      !isThere ||
      now.metadata.ownerReferences?.some(({ uid }) => uid === owner.object.metadata.uid)
    )
      return;
    const ownerReferences = [
      ...(now.metadata.ownerReferences ?? []),
      refTo(owner.kind, owner.object, this.#random.next() < 0.5),
    ];
    const { namespace, name = '', resourceVersion, uid } = now.metadata;
    const body = { metadata: { uid, resourceVersion, ownerReferences } };
    const ref = namespace === undefined ? { name } : { namespace, name };
    await isDone(this.world.rig.api.patch(dependent.kind, ref, { type: 'merge', body }));
  }

  /** What is there, in a form that can be compared: owners only of what is alive, since nobody tidies the dying. */
  async picture(): Promise<readonly string[]> {
    return (await this.#there()).map(({ object: { metadata } }) => pictureOf(metadata)).sort();
  }

  async #there(): Promise<readonly Made[]> {
    const lists = await Promise.all(
      all.map(async (kind) => ({ kind, items: (await this.world.rig.api.list(kind)).items })),
    );
    const ours = new Set(this.#made.map(({ object }) => object.metadata.uid));
    return lists.flatMap(({ kind, items }) =>
      items.filter(({ metadata }) => ours.has(metadata.uid)).map((object) => ({ kind, object })),
    );
  }

  /** Notes every deletion by the collector of what has an owner that stays. One that is dying may have waited a moment ago. */
  guard(): readonly string[] {
    const { api } = this.world.rig;
    const wrong: string[] = [];
    const remove = api.delete.bind(api);
    api.delete = async (kind, ref, options) => {
      if (options?.preconditions?.resourceVersion !== undefined) {
        const there = await this.#there();
        const object = there.find(({ object: { metadata } }) => metadata.uid === options.preconditions?.uid)?.object;
        const isSame = object?.metadata.resourceVersion === options.preconditions.resourceVersion;
        if (object !== undefined && isSame && this.#states(there, object).includes('solid'))
          wrong.push(`${ref.name} was collected though it has an owner`);
      }
      return remove(kind, ref, options);
    };
    return wrong;
  }

  /** Everything that the collector has yet to do. */
  async unrest(): Promise<readonly string[]> {
    const there = await this.#there();
    return there.flatMap(({ object }) => {
      const { name = '', deletionTimestamp, finalizers = [], uid = '' } = object.metadata;
      const states = this.#states(there, object);
      const { namespace } = object.metadata;
      const dependents = there.filter(
        ({ object: { metadata } }) =>
          metadata.ownerReferences?.some((one) => one.uid === uid) === true &&
          (namespace === undefined || metadata.namespace === namespace),
      );
      const blocking = dependents.filter(({ object: { metadata } }) =>
        metadata.ownerReferences?.some((one) => one.uid === uid && one.blockOwnerDeletion === true),
      );
      return [
        ...(deletionTimestamp === undefined && states.some((state) => state === 'absent' || state === 'waiting')
          ? [`${name} has owners ${states.join(', ')}`]
          : []),
        ...(deletionTimestamp !== undefined && finalizers.includes('foregroundDeletion') && blocking.length === 0
          ? [`${name} waits for nothing`]
          : []),
        ...(deletionTimestamp !== undefined && finalizers.includes('orphan')
          ? [`${name} has yet to release ${dependents.length}`]
          : []),
      ];
    });
  }

  #states(
    there: readonly Made[],
    { metadata }: ApiObject,
  ): readonly ('solid' | 'dying' | 'waiting' | 'absent' | 'unknown')[] {
    return (metadata.ownerReferences ?? []).map((reference) => {
      const kind = all.find((one) => one.kind === reference.kind);
      if (kind?.scope === 'Namespaced' && metadata.namespace === undefined) return 'unknown';
      const owner = there.find(({ object }) => object.metadata.uid === reference.uid)?.object.metadata;
      if (owner === undefined || (owner.namespace !== undefined && owner.namespace !== metadata.namespace))
        return 'absent';
      if (owner.deletionTimestamp === undefined) return 'solid';
      return owner.finalizers?.includes('foregroundDeletion') === true ? 'waiting' : 'dying';
    });
  }
}

interface Thing {
  readonly name: string;
  owners: string[];
  finalizers: string[];
  isDying: boolean;
}

/** All rules over all objects, again and again until nothing changes. */
class Model {
  readonly #things = new Map<string, Thing>();

  make({ object: { metadata } }: Made): void {
    const { uid = '', name = '', ownerReferences = [], finalizers = [] } = metadata;
    this.#things.set(uid, {
      name,
      owners: ownerReferences.map((one) => one.uid),
      finalizers: [...finalizers],
      isDying: false,
    });
  }

  delete({ object }: Made, policy: Policy): void {
    const thing = this.#things.get(object.metadata.uid ?? '');
    if (thing !== undefined) this.#mark(thing, policy);
  }

  release({ object }: Made): void {
    const thing = this.#things.get(object.metadata.uid ?? '');
    if (thing !== undefined) thing.finalizers = thing.finalizers.filter((one) => one !== hold);
  }

  rest(): void {
    while ([...this.#things].some(([uid, thing]) => this.#step(uid, thing)));
  }

  picture(): readonly string[] {
    return [...this.#things.values()]
      .map(({ name, owners, finalizers, isDying }) => textOf(name, owners, finalizers, isDying))
      .sort();
  }

  #mark(thing: Thing, policy: Policy): void {
    thing.isDying = true;
    if (policy === undefined) return;
    thing.finalizers = thing.finalizers.filter((one) => one !== 'orphan' && one !== 'foregroundDeletion');
    if (policy !== 'Background') thing.finalizers.push(policy === 'Orphan' ? 'orphan' : 'foregroundDeletion');
  }

  #step(uid: string, thing: Thing): boolean {
    const dependents = [...this.#things.values()].filter(({ owners }) => owners.includes(uid));
    if (thing.isDying) {
      if (thing.finalizers.length === 0) return this.#things.delete(uid);
      if (thing.finalizers.includes('orphan')) {
        for (const one of dependents) one.owners = one.owners.filter((other) => other !== uid);
        thing.finalizers = thing.finalizers.filter((one) => one !== 'orphan');
        return true;
      }
      if (!thing.finalizers.includes('foregroundDeletion') || dependents.length > 0) return false;
      thing.finalizers = thing.finalizers.filter((one) => one !== 'foregroundDeletion');
      return true;
    }
    const stays = thing.owners.filter((owner) => this.#things.has(owner) && !this.#isWaiting(owner));
    if (stays.length === thing.owners.length) return false;
    const isAwaited = thing.owners.some((owner) => this.#isWaiting(owner));
    if (stays.length > 0) thing.owners = stays;
    else if (isAwaited && dependents.length > 0) this.#mark(thing, 'Foreground');
    else this.#mark(thing, thing.finalizers.includes('orphan') ? 'Orphan' : 'Background');
    return true;
  }

  #isWaiting(uid: string): boolean {
    const thing = this.#things.get(uid);
    return thing?.isDying === true && thing.finalizers.includes('foregroundDeletion');
  }
}

function pictureOf({
  name = '',
  ownerReferences = [],
  finalizers = [],
  deletionTimestamp,
}: ApiObject['metadata']): string {
  return textOf(
    name,
    ownerReferences.map(({ uid }) => uid),
    finalizers,
    deletionTimestamp !== undefined,
  );
}

function textOf(name: string, owners: readonly string[], finalizers: readonly string[], isDying: boolean): string {
  return `${name}${isDying ? ' dying' : ` of ${[...owners].sort().join(' ')}`} ${[...finalizers].sort().join(' ')}`;
}

async function isDone(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (!isApiError(error, 'NotFound', 'Conflict')) throw error;
    return false;
  }
}

const nameOf = ({ object: { metadata } }: Made): string =>
  metadata.namespace === undefined ? `default/${metadata.name ?? ''}` : `${metadata.namespace}/${metadata.name ?? ''}`;
