import { expect } from 'chai';
import { type Contract, kinds, wellKnown } from '../../apis/index.ts';
import type { Client } from '../client.ts';
import { FencedClient } from '../fenced.ts';
import { contractOf, type Place, refOf, refused, runOf, takeLease } from './support.ts';

const lease = { namespace: wellKnown.systemHerd, name: wellKnown.schedulerLease };

/** Declares what every twin promises of writes that are fenced by a lease. */
export function describeFences(at: () => Place): void {
  describe('fences', () => {
    let client: Client;
    let herd: string;
    beforeEach(() => {
      ({ client, herd } = at());
    });

    /** One write of each sort, on objects that are there. */
    async function writes(by: Client): Promise<readonly [string, () => Promise<unknown>][]> {
      const contract = await client.create(kinds.contracts, contractOf(herd, 'there'));
      const run = await client.create(kinds.runs, runOf(herd, 'run'));
      const labelled: Contract = { ...contract, metadata: { ...contract.metadata, labels: { a: 'b' } } };
      const body = { metadata: { labels: { c: 'd' } } };
      return [
        ['create', () => by.create(kinds.contracts, contractOf(herd, 'new'))],
        ['update', () => by.update(kinds.contracts, labelled)],
        ['updateStatus', () => by.updateStatus(kinds.runs, { ...run, status: { phase: 'Running' } })],
        ['patch', () => by.patch(kinds.contracts, refOf(contract), { type: 'merge', body })],
        ['delete', () => by.delete(kinds.contracts, refOf(contract))],
      ];
    }

    it('let who leads write', async () => {
      const fenced = new FencedClient(client, { lease, epoch: await takeLease(client) });
      for (const [, write] of await writes(fenced)) await write();
      const left = await client.list(kinds.contracts, { namespace: herd });
      expect(left.items.map(({ metadata }) => metadata.name)).to.deep.equal(['new']);
      expect((await client.get(kinds.runs, { namespace: herd, name: 'run' })).status?.phase).to.equal('Running');
    });

    it('refuse every write of who leads no more, and nothing is done', async () => {
      const fenced = new FencedClient(client, { lease, epoch: await takeLease(client) });
      const attempts = await writes(fenced);
      await takeLease(client);
      for (const [title, write] of attempts)
        expect((await refused('Conflict', write())).message, title).to.match(/held/);
      const left = await client.list(kinds.contracts, { namespace: herd });
      expect(left.items.map(({ metadata }) => [metadata.name, metadata.labels])).to.deep.equal([['there', undefined]]);
      expect((await client.get(kinds.runs, { namespace: herd, name: 'run' })).status?.phase).to.equal('Pending');
    });

    it('refuse writes by a lease that was released, that is not there, or of no herd', async () => {
      const epoch = await takeLease(client);
      const there = await client.get(kinds.leases, lease);
      await client.update(kinds.leases, { ...there, spec: { ...there.spec, holderIdentity: '' } });
      for (const fence of [
        { lease, epoch },
        { lease: { ...lease, name: 'no-such' }, epoch },
        { lease: { ...lease, namespace: 'no-such' }, epoch },
      ])
        await refused('Conflict', new FencedClient(client, fence).create(kinds.contracts, contractOf(herd, 'new')));
    });
  });
}
