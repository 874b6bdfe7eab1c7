import { expect } from 'chai';
import { kinds } from '../../apis/index.ts';
import type { Client } from '../client.ts';
import { drain, type Place, refOf, refused, secretOf, textOf, versionOf, watching } from './support.ts';

/** Declares what every twin promises about watches. */
export function describeWatches(at: () => Place): void {
  describe('watches', () => {
    let client: Client;
    let herd: string;
    beforeEach(() => {
      ({ client, herd } = at());
    });

    it('starts with what is there and a bookmark, then tells every change in order', async () => {
      const first = await client.create(kinds.secrets, secretOf(herd, 'a'));
      await using watch = watching(client, kinds.secrets, { namespace: herd });
      await watch.upTo((event) => event.type === 'BOOKMARK' && event.initialEventsEnd);
      const labelled = await client.patch(kinds.secrets, refOf(first), {
        type: 'merge',
        body: { metadata: { labels: { a: 'b' } } },
      });
      const second = await client.create(kinds.secrets, secretOf(herd, 'b'));
      await client.delete(kinds.secrets, refOf(first));
      const events = await watch.upTo((event) => event.type === 'DELETED');
      expect(events.filter(({ type }) => type !== 'BOOKMARK').map(textOf)).to.deep.equal([
        `ADDED a ${first.metadata.resourceVersion ?? ''}`,
        `MODIFIED a ${labelled.metadata.resourceVersion ?? ''}`,
        `ADDED b ${second.metadata.resourceVersion ?? ''}`,
        events.at(-1) === undefined ? '' : textOf(events.at(-1)),
      ]);
      const last = events.at(-1);
      if (last?.type !== 'DELETED') throw new Error('the last event is no deletion');
      expect(versionOf(last.object)).to.be.greaterThan(versionOf(second));
    });

    it('goes on after a version, without gap or double', async () => {
      const first = await client.create(kinds.secrets, secretOf(herd, 'a'));
      for (const name of ['b', 'c', 'd']) await client.create(kinds.secrets, secretOf(herd, name));
      const { resourceVersion = '' } = first.metadata;
      await using watch = watching(client, kinds.secrets, { namespace: herd, resourceVersion });
      const events = await watch.upTo((event) => event.type !== 'BOOKMARK' && event.object.metadata.name === 'd');
      expect(events.flatMap((e) => (e.type === 'BOOKMARK' ? [] : [e.object.metadata.name]))).to.deep.equal([
        'b',
        'c',
        'd',
      ]);
    });

    it('tells that an object entered or left the selection', async () => {
      const made = await client.create(kinds.secrets, secretOf(herd, 'a'));
      await using watch = watching(client, kinds.secrets, { namespace: herd, labelSelector: 'in=yes' });
      await watch.upTo((event) => event.type === 'BOOKMARK' && event.initialEventsEnd);
      for (const label of ['yes', null])
        await client.patch(kinds.secrets, refOf(made), {
          type: 'merge',
          body: { metadata: { labels: { in: label } } },
        });
      const events = await watch.upTo((event) => event.type === 'DELETED');
      expect(events.filter((e) => e.type !== 'BOOKMARK').map(({ type }) => type)).to.deep.equal(['ADDED', 'DELETED']);
    });

    it('is Expired when the version is forgotten', async function () {
      if (at().compact === undefined) return this.skip();
      const made = await client.create(kinds.secrets, secretOf(herd, 'a'));
      for (const name of ['b', 'c']) await client.create(kinds.secrets, secretOf(herd, name));
      await at().compact?.();
      const { resourceVersion = '' } = made.metadata;
      await refused('Expired', drain(client, { namespace: herd, resourceVersion }));
    });

    it('ends when its signal aborts', async () => {
      const abort = new AbortController();
      const ended = drain(client, { namespace: herd, signal: abort.signal });
      setTimeout(() => abort.abort(), 20);
      await ended;
    });
  });
}
