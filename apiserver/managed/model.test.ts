// Server-side apply against a model that is slow and obvious: an object is a map from paths to texts, ownership a map from
// paths to managers, and each rule a sentence over all paths.
import { expect } from 'chai';
import fc from 'fast-check';
import type { Schema, Unstructured } from '../../apis/index.ts';
import { arrayOf, isRecord, recordOf } from '../json.ts';
import { applyConfiguration } from './apply.ts';
import { afterUpdate, type Writer } from './update.ts';

const int: Schema = { type: 'integer' };
const text: Schema = { type: 'string' };
const schema: Schema = {
  type: 'object',
  properties: {
    metadata: { type: 'object' },
    spec: {
      type: 'object',
      properties: {
        one: int,
        map: { type: 'object', additionalProperties: int },
        whole: { type: 'object', properties: { x: int, y: int }, 'x-kubernetes-map-type': 'atomic' },
        list: { type: 'array', items: int },
        set: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
        keyed: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: { type: 'object', properties: { name: text, v: int, w: int } },
        },
      },
    },
  },
};

/** Fields that the schema names and that hold others. */
const named = new Set(['spec', 'spec.map', 'spec.set', 'spec.keyed']);

interface Spec {
  readonly one?: number;
  readonly map?: Readonly<Record<string, number>>;
  readonly whole?: { readonly x?: number; readonly y?: number };
  readonly list?: readonly number[];
  readonly set?: readonly string[];
  readonly keyed?: readonly { readonly name: string; readonly v?: number; readonly w?: number }[];
}

/** Paths of everything there, with what it is; what holds others is there too. */
type Values = Map<string, string>;
const holder = 'holds others';

function flat(spec: Spec | undefined): Values {
  const values: Values = new Map();
  if (spec === undefined) return values;
  values.set('spec', holder);
  for (const key of ['one', 'whole', 'list'] as const) {
    if (spec[key] !== undefined) values.set(`spec.${key}`, JSON.stringify(spec[key]));
  }
  if (spec.map !== undefined) values.set('spec.map', holder);
  for (const [key, value] of Object.entries(spec.map ?? {})) values.set(`spec.map.${key}`, String(value));
  if (spec.set !== undefined) values.set('spec.set', holder);
  for (const item of spec.set ?? []) values.set(`spec.set="${item}"`, '');
  if (spec.keyed !== undefined) values.set('spec.keyed', holder);
  for (const item of spec.keyed ?? []) {
    values.set(`spec.keyed#${item.name}`, holder);
    for (const [key, value] of Object.entries(item))
      values.set(`spec.keyed#${item.name}.${key}`, JSON.stringify(value));
  }
  return values;
}

const isUnder = (path: string, other: string) => path.startsWith(other) && /^[.=#]/.test(path.slice(other.length));

class Model {
  values: Values | undefined;
  owners = new Map<string, Set<string>>();

  update(manager: string, spec: Spec | undefined): void {
    const next = flat(spec);
    const isTracked = this.values === undefined || this.#owned().size > 0;
    const was = this.values ?? new Map<string, string>();
    this.values = next;
    if (!isTracked) return;
    const changed = [...next.keys()].filter((path) => next.get(path) !== was.get(path));
    const gone = [...was.keys()].filter((path) => !next.has(path));
    for (const paths of this.owners.values()) for (const path of [...changed, ...gone]) paths.delete(path);
    this.#give(`${manager}/Update`, changed);
  }

  /** The server fills in a field, which nobody owns. */
  fill(): void {
    if (this.values?.has('spec') === true && !this.values.has('spec.one')) this.values.set('spec.one', '9');
  }

  /** False when others own what would change. */
  apply(manager: string, spec: Spec | undefined, isForced: boolean): boolean {
    const was: Values = this.values ?? new Map();
    const owners = new Map([...this.owners].map(([owner, paths]) => [owner, new Set(paths)]));
    if (this.values !== undefined && this.#owned().size === 0)
      owners.set('before-first-apply/Update', new Set(was.keys()));
    const self = `${manager}/Apply`;
    const given = flat(spec);
    // What holds others is not owned by saying so, but items of lists are, and an empty spec is.
    const wanted = [...given.keys()].filter((path) => !named.has(path) || given.size === 1);
    const last = owners.get(self) ?? new Set<string>();
    owners.set(self, new Set(wanted));
    const withNamed = (paths: Iterable<string>) => {
      const all = new Set(paths);
      for (const path of [...all]) for (const field of named) if (isUnder(path, field)) all.add(field);
      return all;
    };
    const owned = withNamed([...owners.values()].flatMap((paths) => [...paths]));
    const next: Values = new Map([...was, ...given]);
    const dropped = [...withNamed(last)].filter((path) => !owned.has(path));
    for (const path of [...next.keys()]) {
      if (dropped.some((gone) => path === gone || isUnder(path, gone))) next.delete(path);
    }
    if (dropped.length > 0) dropEmptied(next, new Map([...was, ...given]));
    const changed = [...next.keys()].filter((path) => next.get(path) !== was.get(path));
    const gone = [...was.keys()].filter((path) => !next.has(path));
    for (const [owner, paths] of owners) {
      if (owner === self) continue;
      for (const path of changed) {
        if (!paths.has(path)) continue;
        if (!isForced) return false;
        paths.delete(path);
      }
      for (const path of gone) paths.delete(path);
    }
    this.values = next;
    this.owners = owners;
    return true;
  }

  /** `OWNER PATH`, of all that is owned. */
  #owned(): Set<string> {
    return ownedOf(this.owners);
  }

  get owned(): string[] {
    return [...this.#owned()].sort();
  }

  #give(owner: string, paths: readonly string[]): void {
    this.owners.set(owner, new Set([...(this.owners.get(owner) ?? []), ...paths]));
  }
}

function ownedOf(owners: ReadonlyMap<string, ReadonlySet<string>>): Set<string> {
  return new Set([...owners].flatMap(([owner, paths]) => [...paths].map((path) => `${owner} ${path}`)));
}

// What held others and holds none any more goes too, innermost first.
function dropEmptied(values: Values, before: Values): void {
  for (const path of [...before.keys()].reverse()) {
    if (values.get(path) !== holder) continue;
    const had = [...before.keys()].some((other) => isUnder(other, path));
    if (had && ![...values.keys()].some((other) => isUnder(other, path))) values.delete(path);
  }
}

/** The real thing, brought to the model's form. */
class Real {
  object: Unstructured | undefined;
  readonly #writer = (manager: string): Writer => ({
    manager,
    apiVersion: 'v1',
    subresource: '',
    hasStatus: true,
    time: '',
  });

  update(manager: string, spec: Spec | undefined): void {
    const next = { ...(spec === undefined ? {} : { spec }), metadata: {} };
    this.#become(next, afterUpdate(schema, this.object, next, undefined, this.#writer(manager)));
  }

  apply(manager: string, spec: Spec | undefined, force: boolean): boolean {
    const configuration = { metadata: {}, ...(spec === undefined ? {} : { spec }) };
    const writer = this.#writer(manager);
    const applied = applyConfiguration({ schema, live: this.object, configuration, writer, force });
    if (applied.kind === 'conflict') return false;
    this.#become(applied.object, applied.managedFields);
    return true;
  }

  fill(): void {
    const { spec } = this;
    if (this.object !== undefined && spec !== undefined) this.object = { ...this.object, spec: { one: 9, ...spec } };
  }

  get spec(): Spec | undefined {
    const spec: Spec | undefined = isRecord(this.object?.spec) ? this.object.spec : undefined;
    return spec;
  }

  get owned(): string[] {
    const owned: string[] = [];
    for (const entry of this.object?.metadata.managedFields ?? []) {
      const collect = (node: Record<string, unknown>, path: string): void => {
        const keys = Object.keys(node);
        if (path !== '' && (keys.length === 0 || keys.includes('.'))) {
          owned.push(`${String(entry.manager)}/${String(entry.operation)} ${path}`);
        }
        for (const key of keys)
          if (key !== '.') collect(recordOf(node[key]), `${path}${modelElement(key, path === '')}`);
      };
      collect(recordOf(entry.fieldsV1), '');
    }
    return owned.sort();
  }

  #become(object: Record<string, unknown>, managedFields: unknown): void {
    const entries = arrayOf(managedFields).filter(isRecord);
    this.object = { ...object, metadata: entries.length === 0 ? {} : { managedFields: entries } };
  }
}

function modelElement(element: string, isFirst: boolean): string {
  const content = element.slice(2);
  if (element.startsWith('f:')) return isFirst ? content : `.${content}`;
  return element.startsWith('v:') ? `=${content}` : `#${String(recordOf(JSON.parse(content)).name)}`;
}

const few = fc.integer({ min: 0, max: 2 });
const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 });
const item = fc.record({ v: few, w: few }, { requiredKeys: [] });
const specs: fc.Arbitrary<Spec> = fc.record(
  {
    one: few,
    map: fc.dictionary(fc.constantFrom('p', 'q'), few, { minKeys: 1 }).map((fields) => ({ ...fields })),
    whole: fc.record({ x: few, y: few }, { requiredKeys: [] }),
    list: fc.array(few, { maxLength: 2 }),
    set: names,
    keyed: fc
      .tuple(names, item, item, item)
      .map(([chosen, ...items]) => chosen.map((name, index) => ({ name, ...items[index] }))),
  },
  { requiredKeys: [] },
);
const steps = fc.array(
  fc.record({
    manager: fc.constantFrom('m1', 'm2', 'm3'),
    verb: fc.constantFrom('apply', 'apply', 'force', 'update', 'fill'),
    spec: fc.option(specs, { nil: undefined, freq: 8 }),
  }),
  { minLength: 1, maxLength: 8 },
);

describe('apiserver: who owns which field, against a model', () => {
  it('agrees after any sequence of applies and updates by several managers', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const model = new Model();
        const real = new Real();
        for (const { manager, verb, spec } of sequence) {
          if (verb === 'fill') {
            model.fill();
            real.fill();
          } else if (verb === 'update') {
            model.update(manager, spec);
            real.update(manager, spec);
          } else {
            const isForced = verb === 'force';
            expect(real.apply(manager, spec, isForced), 'applied').to.equal(model.apply(manager, spec, isForced));
          }
          expect(Object.fromEntries(flat(real.spec)), 'values').to.deep.equal(Object.fromEntries(model.values ?? []));
          expect(real.owned, 'owners').to.deep.equal(model.owned);
        }
      }),
      { numRuns: 400 },
    );
  });
});
