import { expect } from 'chai';
import { kinds } from '../../apis/index.ts';
import type { Client } from '../client.ts';
import { type Place, refused, secretOf } from './support.ts';

/** Declares what every twin promises about lists. */
export function describeLists(at: () => Place): void {
  describe('lists', () => {
    let client: Client;
    let herd: string;
    beforeEach(() => {
      ({ client, herd } = at());
    });

    beforeEach(async () => {
      for (const [name, labels] of [
        ['a', { tier: 'gold', team: 'x' }],
        ['b', { tier: 'gold' }],
        ['c', { tier: 'lead' }],
      ] as const)
        await client.create(kinds.secrets, secretOf(herd, name, { labels }));
    });

    for (const [labelSelector, names] of [
      ['tier=gold', ['a', 'b']],
      ['tier!=gold', ['c']],
      ['tier in (gold, lead),team', ['a']],
      ['tier notin (gold)', ['c']],
      ['!team', ['b', 'c']],
      ['team=none', []],
    ] as const)
      it(`selects by labels: ${labelSelector}`, async () => {
        expect(await namesOf({ labelSelector })).to.deep.equal(names);
      });

    it('selects by fields, and refuses unknown ones', async () => {
      expect(await namesOf({ fieldSelector: 'metadata.name=b' })).to.deep.equal(['b']);
      expect(await namesOf({ fieldSelector: 'metadata.name!=b' })).to.deep.equal(['a', 'c']);
      await refused('BadRequest', client.list(kinds.secrets, { namespace: herd, fieldSelector: 'data.x=y' }));
    });

    it('gives pages until there is no continue', async () => {
      const first = await client.list(kinds.secrets, { namespace: herd, limit: 2 });
      expect(first.items.map(({ metadata }) => metadata.name)).to.deep.equal(['a', 'b']);
      const rest = await client.list(kinds.secrets, {
        namespace: herd,
        limit: 2,
        continue: first.metadata.continue ?? '',
      });
      expect(rest.items.map(({ metadata }) => metadata.name)).to.deep.equal(['c']);
      expect(rest.metadata.continue ?? '').to.equal('');
    });

    it('types its items and gives metadata only when asked', async () => {
      const full = await client.list(kinds.secrets, { namespace: herd });
      expect([full.items[0]?.kind, full.items[0]?.type]).to.deep.equal(['Secret', 'Opaque']);
      const partial = await client.list(kinds.secrets, { namespace: herd, metadataOnly: true });
      expect(Object.keys(partial.items[0] ?? {}).sort()).to.deep.equal(['apiVersion', 'kind', 'metadata']);
    });

    async function namesOf(options: object): Promise<(string | undefined)[]> {
      return (await client.list(kinds.secrets, { namespace: herd, ...options })).items.map(
        ({ metadata }) => metadata.name,
      );
    }
  });
}
