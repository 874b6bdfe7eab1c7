import { expect } from 'chai';
import { present } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import { put } from '../conformance/support.ts';
import { founders, type HeldMember, HeldNetwork, startHeld } from './held-group.ts';

const deadlineMs = 20_000;

describe('members replaced in one step', function () {
  this.timeout(60_000);
  const network = new HeldNetwork();
  const members = new Map<string, HeldMember>();

  before(async () => {
    for (const identity of founders(3)) members.set(identity.name, await startHeld({ network, identity }));
    await until(() => put(barn('m1'), 'a', '1'));
    for (const name of ['n1', 'n2', 'n3']) {
      // One that was asked for without an answer may be there all the same.
      const { id } = await until(
        async () =>
          (await barn('m1').members()).find((member) => member.name === name) ??
          barn('m1').addLearner(name, `https://${name}`),
      );
      const initial = (await barn('m1').members()).map(({ clientUrl: _, voter: __, ...member }) => ({
        ...member,
        format: 0,
      }));
      const identity = { id, name, initial, state: 'existing', clusterId: 7 } as const;
      members.set(name, await startHeld({ network, identity }));
    }
  });
  after(async () => {
    for (const member of members.values()) await member.barn.close();
  });

  const barn = (name: string) => present(members.get(name), name).barn;
  const id = (name: string): number => present(members.get(name), name).id;

  async function until<T>(ask: () => Promise<T>): Promise<T> {
    const endMs = Date.now() + deadlineMs;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof BarnError) || Date.now() > endMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  for (const [title, pairs, why] of [
    ['nobody', [], 'name each old and each new one once'],
    ['one by itself', [['n1', 'n1']], 'it does not vote'],
    ['a voter by a voter', [['m1', 'm2']], 'it is a voter already'],
    [
      'two by the same',
      [
        ['m1', 'n1'],
        ['m2', 'n1'],
      ],
      'name each old and each new one once',
    ],
  ] as const)
    it(`refuses ${title}`, async () => {
      const replacements = pairs.map(([old, by]) => ({ old: id(old), by: id(by) }));
      const error: unknown = await barn('m2')
        .replace(replacements)
        .catch((cause: unknown) => cause);
      expect(error).to.have.property('reason', 'Membership');
      expect(String(error)).to.contain(why);
    });

  it('never has another number of voters, and goes on with the new ones', async () => {
    const all = ['1', '2', '3'].map((number) => ({ old: id(`m${number}`), by: id(`n${number}`) }));
    // All founders at once, the leader among them.
    await until(async () => {
      // The one that was asked may be out before it sees the end.
      const done = async (): Promise<boolean> => (await barn('n2').members()).length === 3;
      if (!(await done())) await barn('m2').replace(all);
    });
    await until(() => put(barn('n2'), 'b', '2'));
    const listed = await until(() => barn('n3').members());
    expect(listed.map(({ name, voter }) => `${name} ${voter}`).sort()).to.deep.equal(['n1 true', 'n2 true', 'n3 true']);
    const { items } = await barn('n1').range('a', 'c');
    expect(items.map(({ key }) => key)).to.deep.equal(['a', 'b']);
  });
});
