import { expect } from 'chai';
import { kinds, type StatusReason } from '../../apis/index.ts';
import type { Client } from '../client.ts';
import { contractOf, type Place, refused, sliceOf, versionOf, withField, withVersion } from './support.ts';

/** Declares what every twin promises about objects. */
export function describeObjects(at: () => Place): void {
  describe('objects', () => {
    let client: Client;
    let herd: string;
    beforeEach(() => {
      ({ client, herd } = at());
    });

    it('stamps what it creates', async () => {
      const made = await client.create(kinds.contracts, contractOf(herd, 'a'));
      expect(made.metadata.uid).to.match(/^[0-9a-f-]{36}$/);
      expect(made.metadata.creationTimestamp).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(made.metadata.generation).to.equal(1);
      expect(Number(made.metadata.resourceVersion)).to.be.greaterThan(0);
      expect([made.apiVersion, made.kind]).to.deep.equal(['runink.io/v1', 'Contract']);
      expect(await client.get(kinds.contracts, { namespace: herd, name: 'a' })).to.deep.equal(made);
    });

    it('makes a name of generateName', async () => {
      const { metadata } = contractOf(herd, '');
      const { name: _, ...rest } = metadata;
      const made = await client.create(kinds.contracts, {
        ...contractOf(herd, ''),
        metadata: { ...rest, generateName: 'gen-' },
      });
      expect(made.metadata.name).to.match(/^gen-[a-z0-9]{5}$/);
    });

    it('gives every write a greater version', async () => {
      const versions: number[] = [];
      for (const name of ['a', 'b', 'c'])
        versions.push(versionOf(await client.create(kinds.contracts, contractOf(herd, name))));
      expect([...versions].sort((a, b) => a - b)).to.deep.equal(versions);
      expect(new Set(versions).size).to.equal(3);
    });

    for (const [reason, what, act] of [
      ['NotFound', 'get', (c, h) => c.get(kinds.contracts, { namespace: h, name: 'none' })],
      ['NotFound', 'delete', (c, h) => c.delete(kinds.contracts, { namespace: h, name: 'none' })],
      ['NotFound', 'update', (c, h) => c.update(kinds.contracts, withVersion(contractOf(h, 'none'), '5'))],
      ['NotFound', 'create in no herd', (c) => c.create(kinds.contracts, contractOf('no-such-herd', 'a'))],
      ['Invalid', 'create with a bad name', (c, h) => c.create(kinds.contracts, contractOf(h, 'Bad_Name'))],
      ['Unknown', 'create with a version', (c, h) => c.create(kinds.contracts, withVersion(contractOf(h, 'a'), '5'))],
      [
        'BadRequest',
        'create with an unknown field',
        (c, h) => c.create(kinds.contracts, withField(contractOf(h, 'a'))),
      ],
      ['Invalid', 'create with a wrong type', (c, h) => c.create(kinds.slices, sliceOf(h, 's', { attempt: 1.5 }))],
    ] as const satisfies readonly (readonly [StatusReason, string, (c: Client, h: string) => Promise<unknown>])[])
      it(`refuses with ${reason}: ${what}`, async () => {
        await refused(reason, act(client, herd));
      });

    it('refuses a second object of a name', async () => {
      await client.create(kinds.contracts, contractOf(herd, 'a'));
      const error = await refused('AlreadyExists', client.create(kinds.contracts, contractOf(herd, 'a')));
      expect(error.message).to.equal('contracts.runink.io "a" already exists');
    });

    it('keeps nothing of a dry run', async () => {
      await client.create(kinds.contracts, contractOf(herd, 'a'), { dryRun: true });
      await refused('NotFound', client.get(kinds.contracts, { namespace: herd, name: 'a' }));
    });
  });
}
