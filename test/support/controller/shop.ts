// A user's own kinds, and what their controller is to do about them: an Order wants so many Parcels, each with its note.
import type { KubernetesObject } from '@kubernetes/client-node';

/** The group of both kinds. */
export const group = 'shop.example.com';
const apiVersion = `${group}/v1`;
/** Keeps an Order until its Parcels are gone. */
export const finalizer = `${group}/parcels`;

/** What a user asks for. */
export interface Order extends KubernetesObject {
  readonly spec: { readonly parcels: number; readonly note: string };
  readonly status?: { readonly observedGeneration?: number; readonly parcels?: number };
}

/** What the controller makes of it. */
export interface Parcel extends KubernetesObject {
  readonly spec: { readonly order: string; readonly note: string };
}

const text = { type: 'string' };
const integer = { type: 'integer', minimum: 0 };
const fields = (properties: Readonly<Record<string, unknown>>) => ({ type: 'object', properties });

/** Their definitions, as a user applies them. */
export const definitions: readonly KubernetesObject[] = [
  definition('Order', 'orders', {
    spec: fields({ parcels: integer, note: text }),
    status: fields({ observedGeneration: integer, parcels: integer }),
  }),
  definition('Parcel', 'parcels', { spec: fields({ order: text, note: text }) }),
];

function definition(kind: string, plural: string, properties: Readonly<Record<string, unknown>>): KubernetesObject {
  const version = {
    name: 'v1',
    served: true,
    storage: true,
    schema: { openAPIV3Schema: fields(properties) },
    ...('status' in properties ? { subresources: { status: {} } } : {}),
  };
  const spec = {
    group,
    scope: 'Namespaced',
    names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
    versions: [version],
  };
  const metadata = { name: `${plural}.${group}` };
  return Object.assign({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata }, { spec });
}

/** An Order to create. */
export function orderOf(namespace: string, name: string, spec: Order['spec']): Order {
  return { apiVersion, kind: 'Order', metadata: { namespace, name }, spec };
}

/** One step towards what an Order wants. */
export type Action =
  | { readonly do: 'finalizers'; readonly order: Order; readonly finalizers: readonly string[] | null }
  | { readonly do: 'create'; readonly parcel: Parcel }
  | { readonly do: 'replace'; readonly parcel: Parcel }
  | { readonly do: 'delete'; readonly parcel: Parcel }
  | { readonly do: 'status'; readonly order: Order; readonly status: NonNullable<Order['status']> };

/** What is to be done about an Order, if there is one, and the Parcels that name it. */
export function plan(order: Order | undefined, parcels: readonly Parcel[]): readonly Action[] {
  const wanted = order === undefined || order.metadata?.deletionTimestamp !== undefined ? [] : parcelsOf(order);
  const isHeld = order?.metadata?.finalizers?.includes(finalizer) === true;
  if (order !== undefined && wanted.length > 0 && !isHeld)
    return [{ do: 'finalizers', order, finalizers: [finalizer] }];
  const has = (some: readonly Parcel[], { metadata }: Parcel) =>
    some.find((parcel) => parcel.metadata?.name === metadata?.name);
  const actions = [
    ...wanted.flatMap((parcel): Action[] => {
      const there = has(parcels, parcel);
      if (there === undefined) return [{ do: 'create', parcel }];
      return there.spec.note === parcel.spec.note ? [] : [{ do: 'replace', parcel: { ...there, spec: parcel.spec } }];
    }),
    ...parcels.filter((parcel) => !has(wanted, parcel)).map((parcel): Action => ({ do: 'delete', parcel })),
  ];
  if (actions.length > 0 || order === undefined) return actions;
  if (order.metadata?.deletionTimestamp !== undefined)
    return isHeld ? [{ do: 'finalizers', order, finalizers: null }] : [];
  const status = { observedGeneration: order.metadata?.generation ?? 0, parcels: wanted.length };
  const isTold =
    order.status?.observedGeneration === status.observedGeneration && order.status.parcels === status.parcels;
  return isTold ? [] : [{ do: 'status', order, status }];
}

function parcelsOf({ metadata, spec }: Order): readonly Parcel[] {
  return Array.from({ length: spec.parcels }, (_, index) => ({
    apiVersion,
    kind: 'Parcel',
    metadata: { namespace: metadata?.namespace ?? '', name: `${metadata?.name ?? ''}-${index + 1}` },
    spec: { order: metadata?.name ?? '', note: spec.note },
  }));
}
