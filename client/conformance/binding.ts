import { expect } from 'chai';
import { kinds } from '../../apis/index.ts';
import type { Client } from '../client.ts';
import { bound, type Place, refOf, refused, sliceOf, takeLease } from './support.ts';

/** Declares what every twin promises about binding. */
export function describeBinding(at: () => Place): void {
  describe('binding', () => {
    let client: Client;
    let herd: string;
    beforeEach(() => {
      ({ client, herd } = at());
    });

    it('binds a slice once', async () => {
      const { slice, epoch, node } = await bound(client, herd);
      expect(slice.spec.nodeName).to.equal(node);
      const again = { nodeName: node, resourceVersion: slice.metadata.resourceVersion ?? '', epoch };
      await refused('Conflict', client.bind(refOf(slice), again));
    });

    it('gives a place by a binding only', async () => {
      const { slice } = await bound(client, herd);
      const spec = { nodeName: 'elsewhere' };
      await refused('Invalid', client.create(kinds.slices, sliceOf(herd, 'placed', spec)));
      await refused('Invalid', client.patch(kinds.slices, refOf(slice), { type: 'merge', body: { spec } }));
      const waiting = await client.create(kinds.slices, sliceOf(herd, 'waiting'));
      await refused('Invalid', client.patch(kinds.slices, refOf(waiting), { type: 'merge', body: { spec } }));
    });

    it('refuses another epoch, an old slice, a fenced and an absent node', async () => {
      const { epoch, node } = await bound(client, herd);
      const made = await client.create(kinds.slices, sliceOf(herd, 's'));
      const resourceVersion = made.metadata.resourceVersion ?? '';
      const good = { nodeName: node, resourceVersion, epoch };
      await refused('Conflict', client.bind(refOf(made), { ...good, epoch: 'nobody/77' }));
      await refused('Conflict', client.bind(refOf(made), { ...good, resourceVersion: '1' }));
      await refused('Conflict', client.bind(refOf(made), { ...good, nodeName: 'no-such-node' }));
      const taints = [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }];
      await client.patch(kinds.nodes, { name: node }, { type: 'merge', body: { spec: { taints } } });
      await refused('Conflict', client.bind(refOf(made), good));
      await client.patch(kinds.nodes, { name: node }, { type: 'merge', body: { spec: { taints: null } } });
      await client.bind(refOf(made), good);
    });

    it('refuses a scheduler whose lease changed hands', async () => {
      const { epoch, node } = await bound(client, herd);
      const made = await client.create(kinds.slices, sliceOf(herd, 's'));
      const next = await takeLease(client);
      expect(next).not.to.equal(epoch);
      const binding = { nodeName: node, resourceVersion: made.metadata.resourceVersion ?? '' };
      await refused('Conflict', client.bind(refOf(made), { ...binding, epoch }));
      await client.bind(refOf(made), { ...binding, epoch: next });
    });
  });
}
