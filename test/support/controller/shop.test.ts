import { expect } from 'chai';
import { type Action, finalizer, type Order, orderOf, type Parcel, plan } from './shop.ts';

const order = (
  parcels: number,
  more: Partial<NonNullable<Order['metadata']>> = {},
  status?: Order['status'],
): Order => {
  const made = orderOf('h', 'o', { parcels, note: 'n' });
  const metadata = { namespace: 'h', name: 'o', generation: 2, finalizers: [finalizer], ...more };
  return { ...made, metadata, ...(status === undefined ? {} : { status }) };
};
const parcel = (index: number, note = 'n'): Parcel => ({
  apiVersion: 'shop.example.com/v1',
  kind: 'Parcel',
  metadata: { namespace: 'h', name: `o-${index}` },
  spec: { order: 'o', note },
});
const told = (parcels: number) => ({ observedGeneration: 2, parcels });
const going = { deletionTimestamp: new Date(0) };
const done = (actions: readonly Action[]): readonly string[] =>
  actions.map((action) => ('parcel' in action ? `${action.do} ${action.parcel.metadata?.name}` : action.do));

describe('a controller of a user’s own kinds', () => {
  for (const [title, wanted, parcels, actions] of [
    ['holds an order before it makes anything for it', order(1, { finalizers: [] }), [], ['finalizers']],
    ['makes what is missing', order(2), [parcel(1)], ['create o-2']],
    ['changes what is otherwise', order(2), [parcel(1), parcel(2, 'x')], ['replace o-2']],
    ['deletes what is too many', order(1), [parcel(1), parcel(2)], ['delete o-2']],
    ['tells when all is well', order(1), [parcel(1)], ['status']],
    ['tells of an order for nothing', order(0, { finalizers: [] }), [], ['status']],
    ['leaves what was told', order(1, {}, told(1)), [parcel(1)], []],
    ['tells anew of another generation', order(1, { generation: 3 }, told(1)), [parcel(1)], ['status']],
    ['deletes all of an order that goes', order(2, going), [parcel(1), parcel(2)], ['delete o-1', 'delete o-2']],
    ['lets go of an order that has nothing left', order(2, going), [], ['finalizers']],
    ['deletes what has no order', undefined, [parcel(1)], ['delete o-1']],
    ['does nothing about nothing', undefined, [], []],
  ] as const)
    it(title, () => expect(done(plan(wanted, parcels))).to.deep.equal(actions));
});
