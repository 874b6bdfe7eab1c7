import { expect } from 'chai';
import { type Log, present, silentLog, sleep, systemClock } from '../../base/index.ts';
import { openWal } from '../wal/open.ts';
import { founders, HeldNetwork, startHeld } from './held-group.ts';

describe('a member that ends by itself', () => {
  for (const [title, reason, data] of [
    ['is damaged', 'Corrupt', [1, 255]],
    ['is of a format of the future', 'Storage', [99, 1]],
  ] as const)
    it(`says why, also when an entry ${title}`, async () => {
      const network = new HeldNetwork();
      const identity = present(founders(1)[0], 'a founder');
      const { barn, files, disk } = await startHeld({ network, identity });
      await barn.txn([], [{ do: 'put', key: 'a', value: Buffer.from('1') }]);
      await barn.close();

      const metadata = { clusterId: identity.clusterId, memberId: identity.id };
      const { wal, loaded } = await openWal({ files, metadata, keys: undefined, log: silentLog });
      const { term, index } = present(loaded.entries.at(-1), 'an entry');
      await wal.append({ entries: [{ term, index: index + 1, type: 'EntryNormal', data: Buffer.from(data) }] });
      await wal.close();

      const said: [string, object | undefined][] = [];
      const log: Log = { ...silentLog, error: (message, fields) => void said.push([message, fields]) };
      const again = await startHeld({ network, identity, files, disk, log });
      while (again.failures.length === 0) await sleep(systemClock, 10);
      expect(again.failures[0]).to.include({ reason });
      expect(said.map(([message]) => message)).to.deep.equal(['store ended']);
      expect(said[0]?.[1]).to.include({ reason, error: again.failures[0]?.message });
      await again.barn.close();
    });
});
