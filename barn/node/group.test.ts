import { present } from '../../base/index.ts';
import { describeBarn } from '../conformance.ts';
import { founders, HeldNetwork, startHeld } from './held-group.ts';

describeBarn('a group of one member', async (options) => {
  const network = new HeldNetwork();
  const member = await startHeld({ ...options, network, identity: present(founders(1)[0], 'a founder') });
  return { barn: member.barn, dispose: async () => {} };
});

describeBarn(
  'a group of one member whose values are on disk',
  async (options) => {
    const network = new HeldNetwork();
    const limits = { ...options.limits, valueBytesInMemoryMax: 0 };
    // Written at once, since a batch otherwise waits for the clock.
    const writerTimers = { batchOperations: 1 };
    const identity = present(founders(1)[0], 'a founder');
    const member = await startHeld({ ...options, limits, writerTimers, network, identity });
    return { barn: member.barn, dispose: async () => {} };
  },
  { readsBack: true },
);

for (const [name, asksLeader] of [
  ['its leader', true],
  ['a follower', false],
] as const) {
  describeBarn(`a group of three members, asked at ${name},`, async (options) => {
    const network = new HeldNetwork();
    const members = await Promise.all(founders(3).map((identity) => startHeld({ ...options, network, identity })));
    const leader = (await present(members[0], 'a member').barn.status()).leader;
    await present(members[0], 'a member').barn.readIndex();
    const leading = (await present(members[0], 'a member').barn.status()).raft?.leader ?? leader;
    const asked = present(
      members.find(({ id }) => (id === leading) === asksLeader),
      'the member to ask',
    );
    return {
      barn: asked.barn,
      dispose: async () => {
        for (const member of members) await member.barn.close();
      },
    };
  });
}
