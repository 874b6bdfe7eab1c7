import { expect } from 'chai';
import { ManualClock, systemClock } from '../../base/index.ts';
import type { MemberId } from '../raft/protocol.ts';
import { snapshotConformance } from './conformance/snapshots.ts';
import { message } from './conformance/support.ts';
import { type TransportHarness, transportConformance } from './conformance.ts';
import { LocalNetwork } from './local.ts';
import type { PeerAddress, Transport } from './transport.ts';

function localHarness(): Promise<TransportHarness> {
  const network = new LocalNetwork(systemClock);
  const opened: Transport[] = [];
  return Promise.resolve({
    open(id, events, limits) {
      const transport = network.open(id, events, limits);
      opened.push(transport);
      return Promise.resolve({ transport, address: { id, name: `m${id}`, url: network.urlOf(id) } });
    },
    async close() {
      for (const transport of opened) await transport.close();
    },
  });
}

describe('the transport within a process', function () {
  this.timeout(60_000);
  transportConformance(localHarness);
  snapshotConformance(localHarness);

  it('can be cut in one direction, and healed', () => {
    const clock = new ManualClock();
    const network = new LocalNetwork(clock);
    const heard: [MemberId, number][] = [];
    const unreachable: MemberId[] = [];
    const addresses: PeerAddress[] = [1, 2].map((id) => ({ id, name: `m${id}`, url: network.urlOf(id) }));
    const [one, two] = [1, 2].map((id) => {
      const transport = network.open(id, {
        onMessages: (from, messages) => heard.push(...messages.map(({ index }): [number, number] => [from, index])),
        onUnreachable: (peer) => unreachable.push(peer),
        onSnapshot: () => Promise.reject(new Error('no snapshots here')),
        onQuestion: () => Promise.reject(new Error('no questions here')),
      });
      transport.setPeers(addresses);
      return transport;
    });
    const exchange = (index: number): void => {
      one?.send([message(1, 2, { index })]);
      two?.send([message(2, 1, { index })]);
      one?.flush();
      two?.flush();
      clock.advance(1);
    };
    exchange(1);
    network.cut(1, 2);
    exchange(2);
    network.heal(1, 2);
    exchange(3);
    expect(heard).to.deep.equal([
      [1, 1],
      [2, 1],
      [2, 2],
      [1, 3],
      [2, 3],
    ]);
    expect(unreachable).to.deep.equal([2]);
  });
});
