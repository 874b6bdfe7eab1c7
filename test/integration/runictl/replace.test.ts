// `runictl barn member replace` on real servers under load: what is refused, and two of three members replaced at once while members
// on both sides are killed in the middle.
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { Load, ServerGroup, until } from './server-group.ts';

const founders = ['s1', 's2', 's3'];
const heirs = ['s4', 's5'];
/** Who writes every few milliseconds and is promised nothing for so long waits for a majority that is not there. */
const stuckMs = 500;
/** The kill goes on without that sign after so long: a majority of both sides is there all the same. */
const stuckMsMax = 3_000;

describe('runictl barn member replace on servers of one group', function () {
  this.timeout(300_000);
  let group: ServerGroup;
  let load: Load;

  before(async () => {
    group = await ServerGroup.prepare([...founders, ...heirs]);
    await Promise.all(founders.map((name) => group.start(name, group.cluster(founders), 'new')));
    load = new Load(group.server('s3'));
  });
  after(async () => {
    await load?.end();
    await group?.close();
  });

  it('refuses what makes no sense, and changes nothing', async () => {
    for (const name of heirs) await group.patient('s1', 'member', 'add', name, '--peer-urls', group.peerUrl(name));
    const before = await group.members('s3');
    for (const [pairs, words] of [
      [[], "missing required argument 'old=new'"],
      [['s1'], '"s1": write OLD=NEW'],
      [['=s4'], '"=s4": write OLD=NEW'],
      [['s1=s4=s5'], '"s1=s4=s5": write OLD=NEW'],
      [['s1=s9'], 'there is no member "s9"; there are: '],
      [['../s1=s4'], 'there is no member "../s1"'],
      [['s4=s5'], 'replace s4: it does not vote, remove it'],
      [['s1=s2'], 'replace a member by s2: it is a voter already, add a new one'],
      [['s1=s4', 's2=s4'], 'name each old and each new one once'],
      [['s1=s4', 's1=s5'], 'name each old and each new one once'],
      // Nobody has started it yet.
      [['s1=s4', 's2=s5'], 'wait until it has caught up'],
    ] as const) {
      const { code, err } = await group.server('s3').runictl(['barn', 'member', 'replace', ...pairs]);
      expect(code, err).to.be.greaterThan(0);
      expect(err, pairs.join(' ')).to.contain(words);
    }
    expect(await group.members('s3')).to.deep.equal(before);
    await load.goesOn();
  });

  it('replaces two of three members at once though one of each side is killed in the middle', async () => {
    for (const name of heirs) await group.start(name, group.cluster([...founders, ...heirs]), 'existing');
    await group.patient('s3', 'transfer-leader', 's3');
    await load.goesOn();
    // Without the new ones the change cannot be left; without it, both sides have their majority as soon as one of them goes on.
    for (const name of heirs) group.server(name).signal('SIGSTOP');
    const replaced = group.barn('s3', 'member', 'replace', 's1=s4', 's2=s5').then(
      () => 'done',
      (error: unknown) => String(error),
    );
    await isStuck(load);
    await Promise.all(['s1', 's5'].map((name) => group.kill(name)));
    group.server('s4').signal('SIGCONT');
    // Asked at a bad moment, it says that nobody knows what came of it, or that a majority is not connected, and is asked again.
    const first = await replaced;
    await until(async () => {
      if ((await group.members('s3')).join() === 's3,s4,s5') return;
      await group.barn('s3', 'member', 'replace', 's1=s4', 's2=s5');
      throw new Error(`not replaced: ${first}`);
    });
    await load.goesOn();

    await group.start('s5', group.cluster([...founders, ...heirs]), 'existing');
    const rows = await group.status('s3');
    expect([...rows.values()].map(({ name, isLearner }) => `${name} ${isLearner}`).sort()).to.deep.equal([
      's3 false',
      's4 false',
      's5 false',
    ]);
  });

  it('needs none of those that went, and has lost nothing that it promised', async () => {
    await group.kill('s2');
    await group.kill('s3');
    await load.goesOn();
    expect(await load.missing(group.server('s4'))).to.deep.equal([]);
    expect(load.promised.length).to.be.greaterThan(60);
  });
});

/** Resolves when no write is promised any more, or when that does not come to be. */
async function isStuck(load: Load): Promise<void> {
  let [seen, sinceMs] = [load.promised.length, Date.now()];
  const endMs = sinceMs + stuckMsMax;
  while (Date.now() < endMs && Date.now() < sinceMs + stuckMs) {
    await pause(20);
    if (load.promised.length !== seen) [seen, sinceMs] = [load.promised.length, Date.now()];
  }
}
