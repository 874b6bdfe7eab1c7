import { expect } from 'chai';
import { silentLog, systemClock } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import { defaultLimits } from '../limits.ts';
import { foundingOfOne } from '../state/entries.ts';
import { HeldDisk } from '../state/held-disk.ts';
import { openStateMachine } from '../state/open.ts';
import { Outbox } from './outbox.ts';
import type { ToConsensus } from './port.ts';
import { StateStreams } from './state-streams.ts';

describe('snapshots that arrive at the state side', () => {
  for (const [reason, ends] of [
    ['Storage', true],
    ['Corrupt', false],
  ] as const)
    it(`${ends ? 'end the member' : 'may come again'} when they are refused with ${reason}`, async () => {
      const posted: ToConsensus[] = [];
      const failed: string[] = [];
      const machine = await openStateMachine({
        ...{ disk: new HeldDisk(), keys: undefined, clock: systemClock, log: silentLog, limits: defaultLimits },
        founding: foundingOfOne,
      });
      const outbox = new Outbox({
        side: { post: (message) => void posted.push(message), onMessage: () => {}, close: () => {} },
        atTurnEnd: (callback) => callback(),
        late: () => ({}),
      });
      machine.install = () => Promise.reject(new BarnError(reason, 'the snapshot cannot be used'));
      const streams = new StateStreams({
        machine,
        outbox,
        disk: undefined,
        log: silentLog,
        onInstalled: () => {},
        onFailed: (error) => void failed.push(error.message),
      });
      streams.begin({ stream: 1, kind: 'install' });
      await new Promise((resolve) => setImmediate(resolve));
      expect(failed).to.deep.equal(ends ? ['the snapshot cannot be used'] : []);
      expect(posted).to.deep.equal([
        { frames: [{ stream: 1, kind: 'broken', message: 'the snapshot cannot be used' }] },
      ]);
      await machine.close();
    });
});
