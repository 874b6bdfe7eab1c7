import { expect } from 'chai';
import { ApiError, type EventObject, kinds, type Node } from '../../apis/index.ts';
import { ManualClock, seededRandom, silentLog } from '../../base/index.ts';
import { MemoryClient } from '../../client/index.ts';
import { EventRecorder } from './index.ts';

describe('EventRecorder', () => {
  it('counts per object and reason, in few writes', async () => {
    const { api, clock, recorder, events } = make();
    const [a, b] = [node('a'), node('b')];
    recorder.warn(a, 'Lost', 'first');
    await settle();
    for (const text of ['second', 'third']) recorder.warn(a, 'Lost', text);
    recorder.warn(a, 'Slow', 'other reason');
    recorder.warn(b, 'Lost', 'other object');
    const writes = api.writes;
    await settle();
    clock.advance(1_000);
    await settle();
    expect(
      (await events()).map(({ involvedObject, reason, count, message }) => [
        involvedObject.name,
        reason,
        count,
        message,
      ]),
    ).to.have.deep.members([
      ['a', 'Lost', 3, 'third'],
      ['a', 'Slow', 1, 'other reason'],
      ['b', 'Lost', 1, 'other object'],
    ]);
    expect(api.writes - writes).to.equal(3);
    await recorder[Symbol.asyncDispose]();
  });

  it('tries again, and gives up on what can never be written', async () => {
    const { api, clock, recorder, events } = make();
    api.failWith(() => new ApiError('ServiceUnavailable', 'down'));
    recorder.warn(node('a'), 'Lost', 'text');
    await settle();
    api.failWith();
    clock.advance(1_000);
    await settle();
    expect((await events()).length).to.equal(1);
    recorder.warn({ ...node('a'), metadata: { name: 'x', namespace: 'no-such-herd' } }, 'Lost', 'text');
    await recorder[Symbol.asyncDispose]();
    expect((await events()).length).to.equal(1);
  });

  it('writes what waits when it is disposed', async () => {
    const { recorder, events } = make();
    recorder.warn(node('a'), 'Lost', 'one');
    await settle();
    recorder.warn(node('a'), 'Lost', 'two');
    await recorder[Symbol.asyncDispose]();
    expect((await events()).map(({ count }) => count)).to.deep.equal([2]);
  });
});

function make(): {
  api: MemoryClient;
  clock: ManualClock;
  recorder: EventRecorder;
  events: () => Promise<readonly EventObject[]>;
} {
  const clock = new ManualClock();
  const api = new MemoryClient({ clock });
  const recorder = new EventRecorder({
    client: api,
    clock,
    random: seededRandom(1),
    log: silentLog,
    component: 'test',
  });
  return { api, clock, recorder, events: async () => (await api.list(kinds.events)).items };
}

const node = (name: string): Node => ({ apiVersion: 'v1', kind: 'Node', metadata: { name, uid: `uid-${name}` } });
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
