import { expect } from 'chai';
import { kinds } from '../../apis/index.ts';
import type { KeyValue } from '../../barn/index.ts';
import { objectKey } from './keys.ts';
import { amendRestored } from './restored.ts';

describe('what a restored store begins with', () => {
  const kv = (key: string, object: object): KeyValue => ({
    ...{ key, createRevision: 1, modRevision: 1, version: 1 },
    value: Buffer.from(JSON.stringify(object)),
  });
  const shown = (latest: readonly KeyValue[]) =>
    amendRestored(latest).map((operations) =>
      operations.map((operation) =>
        operation.do === 'put' ? [operation.key, JSON.parse(Buffer.from(operation.value).toString())] : operation,
      ),
    );

  it('is a lead that nobody has, under the next epoch', () => {
    const key = objectKey(kinds.leases, 'herd-1', 'runink-scheduler');
    const lease = { metadata: { name: 'runink-scheduler' }, spec: { holderIdentity: 'me', leaseTransitions: 3 } };
    expect(shown([kv(key, lease)])).to.deep.equal([
      [
        [key, { ...lease, spec: { holderIdentity: '', leaseTransitions: 4 } }],
        { do: 'delete', key: 'epoch/herd-1/runink-scheduler' },
      ],
    ]);
  });

  it('is no node that may get slices', () => {
    const key = objectKey(kinds.nodes, undefined, 'n1');
    const other = { key: 'mine', effect: 'NoSchedule' };
    const memory = { type: 'MemoryPressure', status: 'False' };
    const node = {
      metadata: { name: 'n1', uid: 'u' },
      spec: { taints: [other, { key: 'runink.io/restored', effect: 'NoExecute' }] },
      status: { volumes: ['data'], attempts: ['r/g/1'], conditions: [memory, { type: 'Ready', status: 'True' }] },
    };
    const message = 'its agent was not heard since the store was restored';
    expect(shown([kv(key, node)])).to.deep.equal([
      [
        [
          key,
          {
            ...node,
            spec: { taints: [other, { key: 'runink.io/restored', effect: 'NoExecute' }] },
            status: {
              volumes: ['data'],
              conditions: [memory, { type: 'Ready', status: 'Unknown', reason: 'StoreRestored', message }],
            },
          },
        ],
        { do: 'delete', key: 'fence/n1' },
      ],
    ]);
  });

  it('is all else as it was', () => {
    const nodeLease = { metadata: { name: 'n1' }, spec: { holderIdentity: 'n1', leaseDurationSeconds: 40 } };
    expect(
      amendRestored([
        kv(objectKey(kinds.leases, 'herd-1', 'n1'), nodeLease),
        kv(objectKey(kinds.runs, 'herd-1', 'r'), { metadata: { name: 'r' } }),
        { ...kv('open/herd-1', {}), value: new Uint8Array() },
      ]),
    ).to.deep.equal([]);
  });
});
