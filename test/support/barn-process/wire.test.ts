import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createMemoryBarn } from '../../../barn/index.ts';
import { RemoteBarn } from './client.ts';
import { serveBarn } from './server.ts';

describe('test/support: a Barn over a socket', () => {
  it('answers as the Barn does', async () => {
    const barn = createMemoryBarn();
    const path = join(tmpdir(), `runink-wire-${process.pid}.sock`);
    const server = await serveBarn(barn, path);
    const remote = await RemoteBarn.connect(path);
    try {
      expect(await remote.put('a', Buffer.from('1'))).to.equal(1);
      expect((await remote.get('a'))?.modRevision).to.equal(1);
      expect(await remote.get('b')).to.equal(undefined);
      const watch = await remote.watch('a', 'c', 1);
      const put = { do: 'put', key: 'b', value: new Uint8Array([0, 255]) } as const;
      const done = await remote.txn([{ target: 'mod', key: 'a', op: '=', number: 1 }], [put]);
      expect([done.succeeded, done.revision]).to.deep.equal([true, 2]);
      expect(await remote.range('a', 'c')).to.deep.equal(await barn.range('a', 'c'));
      expect((await remote.range('a')).count).to.equal(1);
      const seen = [(await watch.next()).value, (await watch.next()).value];
      expect(seen.map(({ revision }) => revision)).to.deep.equal([1, 2]);
      await watch.return?.();
      const error: unknown = await remote.range('a', undefined, { revision: 9 }).catch((cause: unknown) => cause);
      expect(error).to.include({ reason: 'FutureRevision' });
    } finally {
      await remote.close();
      server.close();
      await barn.close();
      rmSync(path, { force: true });
    }
  });
});
