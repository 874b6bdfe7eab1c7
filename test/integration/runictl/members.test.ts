// What an operator does with the members of a store, by the real command on real servers under load: members are added, promoted,
// given the lead, removed and begun anew; certificates are renewed while they run.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { Load, ServerGroup, serialIn, until } from './server-group.ts';

const founders = ['s1', 's2', 's3.node.example'];

describe('runictl barn on servers of one group', function () {
  this.timeout(300_000);
  let group: ServerGroup;
  let load: Load;

  before(async () => {
    group = await ServerGroup.prepare([...founders, 's4']);
    await Promise.all(founders.map((name) => group.start(name, group.cluster(founders), 'new')));
    load = new Load(group.server('s3.node.example'));
  });
  after(async () => {
    await load?.missing(group.server('s3.node.example'));
    await group?.close();
  });

  it('adds a member, lets it lead and takes another out', async () => {
    await load.goesOn();
    const printed = await group.patient('s1', 'member', 'add', 's4', '--peer-urls', group.peerUrl('s4'));
    const cluster = /--initial-cluster (\S+) --initial-cluster-state existing/.exec(printed)?.[1] ?? '';
    expect(cluster.split(',').sort()).to.deep.equal(
      group
        .cluster([...founders, 's4'])
        .split(',')
        .sort(),
    );
    await group.start('s4', cluster, 'existing');
    await group.patient('s1', 'member', 'promote', 's4');
    await group.patient('s1', 'transfer-leader', 's4');
    expect((await group.status('s2')).get('s4')).to.include({ isLeader: true, isLearner: false });
    await group.patient('s2', 'member', 'remove', 's1');
    await group.kill('s1');
    await load.goesOn();
    expect([...(await group.status('s2')).keys()].sort()).to.deep.equal(['s2', 's3.node.example', 's4']);
  });

  it('begins a member whose disk was lost anew only by remove and add', async () => {
    await group.kill('s2');
    await rm(join(group.data('s2'), 'barn'), { recursive: true });
    const error: unknown = await group.start('s2', group.cluster(founders), 'new').catch((cause: unknown) => cause);
    expect(String(error)).to.contain('the API server ended with 1');
    await group.patient('s4', 'member', 'remove', 's2');
    const printed = await group.patient('s4', 'member', 'add', 's2', '--peer-urls', group.peerUrl('s2'));
    await rm(join(group.data('s2'), 'barn'), { recursive: true, force: true });
    await group.start('s2', /--initial-cluster (\S+)/.exec(printed)?.[1] ?? '', 'existing');
    await group.patient('s4', 'member', 'promote', 's2');
    await load.goesOn();
    expect((await group.status('s4')).get('s2')).to.include({ isLearner: false });
  });

  it('takes up renewed certificates and another authority while it runs, without an election', async () => {
    const names = ['s2', 's3.node.example', 's4'];
    const term = await group.term('s4');
    // As `barn certs` does it near the end: another certificate and key under the same authority.
    for (const suffix of ['crt', 'key']) await rm(join(group.folder, 'peers', `s2.${suffix}`));
    await group.certify('peers');
    await group.deliver('s2', 'peers');
    await group.reloaded('s2', 'success', 1);
    const renewed = await serialIn(group.tls('s2', 'peer.crt'));
    expect(await group.shown('s2', 's4')).to.equal(renewed);

    const refused = await group.reloads('s2', 'failure');
    await writeFile(group.tls('s2', 'peer.crt'), 'not a certificate');
    await group.reloaded('s2', 'failure', refused + 1);
    expect(await group.shown('s2', 's4')).to.equal(renewed);
    await group.deliver('s2', 'peers');

    // Another authority: all trust both, then all show what it signed, then nobody trusts the old one.
    await group.certify('new-peers');
    for (const name of names) await group.deliverAuthority(name, ['new-peers', 'peers']);
    for (const name of names) await group.reloaded(name, 'success', name === 's2' ? 2 : 1);
    for (const name of names) await group.deliver(name, 'new-peers');
    for (const name of names)
      await until(async () => {
        expect(await group.shown(name, 's4')).to.equal(await serialIn(group.tls(name, 'peer.crt')));
      });
    for (const name of names) await group.deliverAuthority(name, ['new-peers']);
    for (const name of names) await until(() => group.refuses(name, 'peers/s2'));
    expect(await group.term('s4')).to.equal(term);
    await load.goesOn();

    // All its connections are new ones.
    await group.stop('s2');
    await group.start('s2', group.cluster(names), 'existing');
    await load.goesOn();
    expect(await group.term('s2')).to.equal(term);
    await until(async () => expect(await group.metric('s2', 'runink_barn_peers')).to.equal(2));
  });

  it('forgets history by hand, once, on every member', async () => {
    const revision = await group.metric('s2', 'runink_apiserver_revision');
    const compact = (name: string, text: string): Promise<string> =>
      group.barn(name, 'compact', text).catch((error: unknown) => String(error));
    expect(await compact('s2', String(revision * 1_000))).to.contain('required revision is a future revision');
    // The first does it; one that is behind takes it for not yet done, and does nothing.
    for (const name of ['s2', 's3.node.example', 's4'])
      await until(async () => {
        expect(await compact(name, String(revision))).to.contain('required revision has been compacted');
      });
    await load.goesOn();
  });

  it('loses nothing that it promised', async () => {
    expect(await load.missing(group.server('s2'))).to.deep.equal([]);
    expect(load.promised.length).to.be.greaterThan(40);
  });
});
