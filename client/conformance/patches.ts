import { expect } from 'chai';
import { kinds } from '../../apis/index.ts';
import type { Client } from '../client.ts';
import { type Place, refOf, refused, secretOf, sliceOf } from './support.ts';

/** Declares what every twin promises about patches. */
export function describePatches(at: () => Place): void {
  describe('patches', () => {
    let client: Client;
    let herd: string;
    beforeEach(() => {
      ({ client, herd } = at());
    });

    it('merges, and removes with null', async () => {
      const made = await client.create(kinds.secrets, secretOf(herd, 's', { labels: { a: '1', b: '2' } }));
      const merged = await client.patch(kinds.secrets, refOf(made), {
        type: 'merge',
        body: { metadata: { labels: { a: null, c: '3' } } },
      });
      expect(merged.metadata.labels).to.deep.equal({ b: '2', c: '3' });
    });

    it('applies a JSON patch, all of it or nothing', async () => {
      const made = await client.create(kinds.secrets, secretOf(herd, 's', { labels: { a: '1' } }));
      const patched = await client.patch(kinds.secrets, refOf(made), {
        type: 'json',
        body: [
          { op: 'test', path: '/metadata/labels/a', value: '1' },
          { op: 'replace', path: '/metadata/labels/a', value: '2' },
        ],
      });
      expect(patched.metadata.labels).to.deep.equal({ a: '2' });
      await refused(
        'Invalid',
        client.patch(kinds.secrets, refOf(made), {
          type: 'json',
          body: [
            { op: 'replace', path: '/metadata/labels/a', value: '3' },
            { op: 'test', path: '/metadata/labels/a', value: 'other' },
          ],
        }),
      );
      expect((await client.get(kinds.secrets, refOf(made))).metadata.labels).to.deep.equal({ a: '2' });
    });

    it('patches the status only through its subresource, and heeds a version in the patch', async () => {
      const made = await client.create(kinds.slices, sliceOf(herd, 's'));
      const body = { status: { phase: 'Running' } };
      const unchanged = await client.patch(kinds.slices, refOf(made), { type: 'merge', body });
      expect(unchanged.status?.phase).to.not.equal('Running');
      const options = { subresource: 'status' } as const;
      const patched = await client.patch(kinds.slices, refOf(made), { type: 'merge', body }, options);
      expect(patched.status?.phase).to.equal('Running');
      const late = { metadata: { resourceVersion: made.metadata.resourceVersion }, status: { phase: 'Failed' } };
      await refused('Conflict', client.patch(kinds.slices, refOf(made), { type: 'merge', body: late }, options));
    });
  });
}
