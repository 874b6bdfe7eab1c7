import { expect } from 'chai';
import { kinds } from '../../apis/index.ts';
import type { Client } from '../client.ts';
import { contractOf, herdOf, leaseOf, type Place, refOf, refused, runOf, sliceOf, versionOf } from './support.ts';

/** Declares what every twin promises about updates. */
export function describeUpdates(at: () => Place): void {
  describe('updates', () => {
    let client: Client;
    let herd: string;
    beforeEach(() => {
      ({ client, herd } = at());
    });

    it('needs the version that is stored', async () => {
      const first = await client.create(kinds.herds, herdOf(`${herd}-x`));
      const second = await client.update(kinds.herds, { ...first, spec: { ...first.spec, quota: { slices: 1 } } });
      expect(versionOf(second)).to.be.greaterThan(versionOf(first));
      const error = await refused(
        'Conflict',
        client.update(kinds.herds, { ...first, spec: { ...first.spec, quota: { slices: 2 } } }),
      );
      expect(error.message).to.match(
        /^Operation cannot be fulfilled on herds.runink.io ".*": the object has been modified/,
      );
      await client.delete(kinds.herds, { name: `${herd}-x` });
    });

    it('refuses one without a version', async () => {
      await client.create(kinds.contracts, contractOf(herd, 'a'));
      await refused('Invalid', client.update(kinds.contracts, contractOf(herd, 'a')));
    });

    it('lets nobody take the finalizer of a herd that lives', async () => {
      const body = { spec: { finalizers: [] } };
      await refused('Invalid', client.patch(kinds.herds, { name: herd }, { type: 'merge', body }));
    });

    it('counts generations of the spec only, and keeps what the server set', async () => {
      const first = await client.create(kinds.herds, herdOf(`${herd}-y`));
      const labelled = await client.update(kinds.herds, {
        ...first,
        metadata: { ...first.metadata, labels: { a: 'b' } },
      });
      expect([labelled.metadata.generation, labelled.metadata.labels]).to.deep.equal([1, { a: 'b' }]);
      const changed = await client.update(kinds.herds, {
        ...labelled,
        spec: { ...labelled.spec, quota: { slices: 1 } },
      });
      expect([changed.metadata.generation, changed.metadata.uid]).to.deep.equal([2, first.metadata.uid]);
      await client.delete(kinds.herds, { name: `${herd}-y` });
    });

    it('writes nothing when nothing changes', async () => {
      const first = await client.create(kinds.leases, leaseOf(herd, 'l', 'me', 0));
      expect(versionOf(await client.update(kinds.leases, first))).to.equal(versionOf(first));
    });

    it('keeps spec and status apart', async () => {
      const made = await client.create(kinds.slices, { ...sliceOf(herd, 's'), status: { phase: 'Running' } });
      expect(made.status?.phase).to.not.equal('Running');
      const running = await client.updateStatus(kinds.slices, { ...made, status: { phase: 'Running' } });
      expect([running.status?.phase, running.metadata.generation]).to.deep.equal(['Running', 1]);
      const labelled = await client.update(kinds.slices, {
        ...running,
        metadata: { ...running.metadata, labels: { a: 'b' } },
        status: { phase: 'Failed' },
      });
      expect([labelled.status?.phase, labelled.metadata.labels]).to.deep.equal(['Running', { a: 'b' }]);
    });

    it('refuses to change what is immutable', async () => {
      const made = await client.create(kinds.contracts, contractOf(herd, 'a'));
      await refused('Invalid', client.update(kinds.contracts, { ...made, spec: { ...made.spec, version: '2.0.0' } }));
    });

    it('cancels a run, whose spec is immutable else', async () => {
      const made = await client.create(kinds.runs, runOf(herd, 'r'));
      const cancelled = await client.patch(kinds.runs, refOf(made), {
        type: 'merge',
        body: { spec: { cancel: true } },
      });
      expect(cancelled.spec.cancel).to.equal(true);
      await refused(
        'Invalid',
        client.patch(kinds.runs, refOf(made), { type: 'merge', body: { spec: { pipeline: { name: 'other' } } } }),
      );
    });
  });
}
