import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { kinds } from '../../apis/index.ts';
import type { Client } from '../client.ts';
import { type Place, refOf, refused } from './support.ts';

/** Declares what every twin promises about contents of bundles. */
export function describeBundles(at: () => Place): void {
  describe('contents of bundles', () => {
    let client: Client;
    let herd: string;
    beforeEach(() => {
      ({ client, herd } = at());
    });

    it('keeps the bytes that were put', async () => {
      const bytes = randomBytes(100_000);
      const hash = (await crypto.subtle.digest('SHA-256', bytes).then((b) => Buffer.from(b))).toString('hex');
      const made = await client.create(kinds.bundles, {
        apiVersion: 'runink.io/v1',
        kind: 'Bundle',
        metadata: { name: `code-${hash.slice(0, 10)}`, namespace: herd },
        spec: { hash, size: bytes.length, format: 'module' },
      });
      await refused('NotFound', client.getContent(refOf(made)));
      await client.putContent(refOf(made), bytes);
      expect(Buffer.from(await client.getContent(refOf(made))).equals(bytes)).to.equal(true);
    });
  });
}
