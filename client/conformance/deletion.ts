import { expect } from 'chai';
import { kinds } from '../../apis/index.ts';
import type { Client } from '../client.ts';
import { bound, contractOf, type Place, refOf, refused, secretOf, sliceOf } from './support.ts';

/** Declares what every twin promises about deletion. */
export function describeDeletion(at: () => Place): void {
  describe('deletion', () => {
    let client: Client;
    let herd: string;
    beforeEach(() => {
      ({ client, herd } = at());
    });

    it('removes at once what nothing holds', async () => {
      const made = await client.create(kinds.contracts, contractOf(herd, 'a'));
      await client.delete(kinds.contracts, refOf(made));
      await refused('NotFound', client.get(kinds.contracts, refOf(made)));
    });

    it('checks preconditions', async () => {
      const made = await client.create(kinds.contracts, contractOf(herd, 'a'));
      await refused('Conflict', client.delete(kinds.contracts, refOf(made), { preconditions: { uid: 'another' } }));
      await refused(
        'Conflict',
        client.delete(kinds.contracts, refOf(made), { preconditions: { resourceVersion: '1' } }),
      );
      await client.delete(kinds.contracts, refOf(made), { preconditions: { uid: made.metadata.uid ?? '' } });
    });

    it('waits for finalizers, and takes no new ones meanwhile', async () => {
      const made = await client.create(kinds.contracts, contractOf(herd, 'a', { finalizers: ['example.com/hold'] }));
      await client.delete(kinds.contracts, refOf(made));
      const held = await client.get(kinds.contracts, refOf(made));
      expect(held.metadata.deletionTimestamp).to.match(/^\d{4}-/);
      const finalizers = ['example.com/hold', 'example.com/more'];
      await refused('Invalid', client.update(kinds.contracts, { ...held, metadata: { ...held.metadata, finalizers } }));
      await client.update(kinds.contracts, { ...held, metadata: { ...held.metadata, finalizers: [] } });
      await refused('NotFound', client.get(kinds.contracts, refOf(made)));
    });

    it('marks foreground and orphan deletion with their finalizers', async () => {
      for (const [propagationPolicy, finalizer] of [
        ['Foreground', 'foregroundDeletion'],
        ['Orphan', 'orphan'],
      ] as const) {
        const made = await client.create(kinds.contracts, contractOf(herd, finalizer.toLowerCase()));
        await client.delete(kinds.contracts, refOf(made), { propagationPolicy });
        expect((await client.get(kinds.contracts, refOf(made))).metadata.finalizers).to.deep.equal([finalizer]);
      }
    });

    it('lets a later policy take the place of an earlier one', async () => {
      const made = await client.create(kinds.contracts, contractOf(herd, 'a', { finalizers: ['orphan'] }));
      await client.delete(kinds.contracts, refOf(made), { propagationPolicy: 'Foreground' });
      expect((await client.get(kinds.contracts, refOf(made))).metadata.finalizers).to.deep.equal([
        'foregroundDeletion',
      ]);
      await client.delete(kinds.contracts, refOf(made), { propagationPolicy: 'Background' });
      await refused('NotFound', client.get(kinds.contracts, refOf(made)));
    });

    it('does not collect dependents itself', async () => {
      const owner = await client.create(kinds.contracts, contractOf(herd, 'owner'));
      const { apiVersion, kind } = owner;
      const { uid = '' } = owner.metadata;
      const ownerReferences = [{ apiVersion, kind, name: 'owner', uid }];
      await client.create(kinds.secrets, secretOf(herd, 's', { ownerReferences }));
      await client.delete(kinds.contracts, refOf(owner));
      expect((await client.get(kinds.secrets, { namespace: herd, name: 's' })).metadata.name).to.equal('s');
    });

    it('lets a bound slice live until its final status', async () => {
      const { slice } = await bound(client, herd);
      await client.delete(kinds.slices, refOf(slice));
      const dying = await client.get(kinds.slices, refOf(slice));
      expect(dying.metadata.deletionTimestamp).to.match(/^\d{4}-/);
      await client.patch(
        kinds.slices,
        refOf(slice),
        { type: 'merge', body: { status: { phase: 'Failed', reason: 'Cancelled' } } },
        { subresource: 'status' },
      );
      await refused('NotFound', client.get(kinds.slices, refOf(slice)));
    });

    it('removes an unbound and a finished slice at once', async () => {
      const unbound = await client.create(kinds.slices, sliceOf(herd, 'unbound'));
      await client.delete(kinds.slices, refOf(unbound));
      await refused('NotFound', client.get(kinds.slices, refOf(unbound)));
      const { slice } = await bound(client, herd);
      await client.updateStatus(kinds.slices, { ...slice, status: { phase: 'Succeeded' } });
      await client.delete(kinds.slices, refOf(slice));
      await refused('NotFound', client.get(kinds.slices, refOf(slice)));
    });

    it('takes nothing more into a herd that ends', async () => {
      await client.create(kinds.contracts, contractOf(herd, 'a'));
      await client.delete(kinds.herds, { name: herd });
      expect((await client.get(kinds.herds, { name: herd })).status?.phase).to.equal('Terminating');
      const late = await refused('Forbidden', client.create(kinds.contracts, contractOf(herd, 'b')));
      expect(late.details?.causes?.[0]?.reason).to.equal('NamespaceTerminating');
      await client.patch(kinds.herds, { name: herd }, { type: 'merge', body: { spec: { finalizers: [] } } });
      await refused('NotFound', client.get(kinds.herds, { name: herd }));
    });

    it('keeps the herds of the system', async () => {
      await refused('Forbidden', client.delete(kinds.herds, { name: 'default' }));
    });
  });
}
