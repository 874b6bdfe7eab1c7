// `runictl barn …` against API servers whose stores are in memory, with a group of members that is only told of.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type RunningServer, startServer } from '../../../apiserver/index.ts';
import {
  type BarnAlarm,
  BarnError,
  createMemoryBarn,
  type Member,
  type MemberStatus,
  type ReplicatedBarn,
} from '../../../barn/index.ts';
import { silentLog, systemClock, systemRandom } from '../../../base/index.ts';
import { type Runictl, runictlIn } from './harness.ts';

/** What all members know. */
interface Group {
  members: Member[];
  alarms: BarnAlarm[];
  leader: number;
}

describe('runictl barn', () => {
  let folder: string;
  let group: Group;
  let runictl: Runictl;
  const servers: { readonly server: RunningServer; readonly barn: ReplicatedBarn }[] = [];
  const refusals: { snapshot?: boolean } = {};

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runictl-barn-'));
    group = { members: [], alarms: [], leader: 0x1a };
    for (const [name, id] of [
      ['n1', 0x1a],
      ['n2', 0x2b],
    ] as const) {
      const barn = memberOf(group, name, id);
      const server = await startServer({
        data: join(folder, name),
        pki: join(folder, 'pki'),
        barn,
        port: 0,
        nodes: [],
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
        version: '9.9.9',
      });
      servers.push({ server, barn });
      group.members.push({ id, name, peerUrl: `https://${name}:2380`, clientUrl: server.url, voter: true });
    }
    runictl = runictlIn(join(folder, 'n1', 'admin.kubeconfig'), folder);
  });
  afterEach(async () => {
    delete refusals.snapshot;
    for (const { server, barn } of servers.splice(0)) {
      await server.close();
      await barn.close();
    }
    await rm(folder, { recursive: true, force: true });
  });

  function memberOf(of: Group, name: string, id: number): ReplicatedBarn {
    const memory = createMemoryBarn({ name });
    const find = (wanted: number): Member => {
      const found = of.members.find((member) => member.id === wanted);
      if (found === undefined) throw new BarnError('Membership', `there is no member ${wanted}`);
      return found;
    };
    return {
      range: (...args) => memory.range(...args),
      txn: (...args) => memory.txn(...args),
      watch: (...args) => memory.watch(...args),
      readIndex: () => memory.readIndex(),
      compact: (revision) => memory.compact(revision),
      async *snapshot() {
        yield Buffer.from('the first half, ');
        if (refusals.snapshot === true) throw new BarnError('Storage', 'the disk is gone');
        yield Buffer.from('the other half');
      },
      close: () => memory.close(),
      members: async () => of.members,
      status: async (): Promise<MemberStatus> => ({
        name,
        revision: 12,
        compactRevision: 3,
        leader: of.members.find((member) => member.id === of.leader)?.name ?? '',
        sizeBytes: 25_400,
        hash: 0xbeef,
        alarms: of.alarms,
        format: { written: 1, known: name === 'n2' ? 2 : 1 },
        raft: { id, leader: of.leader, term: 4, committed: 40, applied: 39, isLearner: false },
      }),
      async addLearner(added, peerUrl) {
        const member = { id: 0x3c, name: added, peerUrl, clientUrl: '', voter: false };
        of.members.push(member);
        return member;
      },
      async promote(wanted) {
        const promoted = { ...find(wanted), voter: true };
        if (group.leader === 0) throw new BarnError('Membership', 'it has not caught up');
        of.members = of.members.map((member) => (member.id === wanted ? promoted : member));
        return promoted;
      },
      async replace(replacements) {
        for (const { old, by } of replacements) {
          const promoted = { ...find(by), voter: true };
          const others = of.members.filter((member) => member !== find(old) && member.id !== by);
          of.members = [...others, promoted];
        }
      },
      async remove(wanted) {
        of.members = of.members.filter((member) => member !== find(wanted));
      },
      async transferLeader(wanted) {
        of.leader = find(wanted).id;
      },
      async disarm({ kind, member }) {
        of.alarms = of.alarms.filter((alarm) => alarm.kind !== kind || alarm.member !== member);
      },
      stepDown: () => Promise.resolve(),
      counts: () => Promise.reject(new BarnError('Unknown', 'nothing is counted here')),
    };
  }

  it('lists members, adds one as a learner, promotes and removes it', async () => {
    const urls = servers.map(({ server }) => server.url);
    expect(
      (await runictl(['barn', 'member', 'list'])).out.split('\n').map((line) => line.split(/ {2,}/)),
    ).to.deep.equal([
      ['ID', 'NAME', 'PEER ADDRS', 'CLIENT ADDRS', 'LEARNER'],
      ['1a', 'n1', 'https://n1:2380', urls[0], 'false'],
      ['2b', 'n2', 'https://n2:2380', urls[1], 'false'],
      [''],
    ]);
    const added = await runictl(['barn', 'member', 'add', 'n3', '--peer-urls', 'https://n3:2380/']);
    expect(added.out).to.contain('member n3 (3c) added as a learner');
    expect(added.out).to.contain(
      '--initial-cluster n1=https://n1:2380,n2=https://n2:2380,n3=https://n3:2380 --initial-cluster-state existing',
    );
    expect((await runictl(['barn', 'member', 'promote', 'n3'])).out).to.equal('member n3 (3c) votes\n');
    expect((await runictl(['barn', 'member', 'remove', '3c'])).code).to.equal(0);
    const { out } = await runictl(['barn', 'member', 'list', '-o', 'json']);
    expect((JSON.parse(out) as { members: unknown[] }).members).to.have.length(2);
  });

  it('replaces a member by a learner', async () => {
    await runictl(['barn', 'member', 'add', 'n3', '--peer-urls', 'https://n3:2380']);
    const { code, out } = await runictl(['barn', 'member', 'replace', 'n2=3c']);
    expect([code, out]).to.deep.equal([
      0,
      'member 3c votes in the place of n2, whose server has ended or will: do not start it on its old data\n',
    ]);
    expect(group.members.map(({ name, voter }) => `${name} ${voter}`)).to.deep.equal(['n1 true', 'n3 true']);
    for (const pair of ['n1', 'n1=', 'n1=n3=n4'])
      expect((await runictl(['barn', 'member', 'replace', pair])).err, pair).to.contain('write OLD=NEW');
    expect((await runictl(['barn', 'member', 'replace', 'n1=n9'])).err).to.contain('there is no member "n9"');
  });

  it('says what stands against a change', async () => {
    group.leader = 0;
    const refused = await runictl(['barn', 'member', 'promote', 'n2']);
    expect([refused.code, refused.err]).to.deep.equal([
      1,
      'Error from server (Conflict): the members cannot be changed so now: it has not caught up\n',
    ]);
    const unknown = await runictl(['barn', 'member', 'remove', 'n9']);
    expect(unknown.err).to.contain('there is no member "n9"; there are: n1 (1a), n2 (2b)');
    const plain = await runictl(['barn', 'member', 'add', 'n3', '--peer-urls', 'http://n3']);
    expect(plain.err).to.contain('"http://n3" is not https://HOST:PORT');
  });

  it('asks every member for its own status', async () => {
    await runictl(['barn', 'transfer-leader', 'n2']);
    const { code, out } = await runictl(['barn', 'status']);
    const rows = out.trim().split('\n');
    expect(rows).to.have.length(3);
    const url = servers[1]?.server.url ?? '';
    expect(rows[2]?.split(/ {2,}/)).to.deep.equal([
      'n2',
      '2b',
      url,
      '9.9.9',
      '25 kB',
      'true',
      'false',
      '4',
      '40',
      '39',
      '12',
      'beef',
      '1 (knows 2)',
    ]);
    expect(code).to.equal(0);
  });

  it('fails when a member does not answer, and names the one', async () => {
    await servers[1]?.server.close();
    const { code, out } = await runictl(['barn', 'status', '-o', 'json']);
    const { members } = JSON.parse(out) as { members: { name: string; errors: string[] }[] };
    expect(code).to.equal(1);
    expect(members.map(({ name, errors }) => [name, errors.length])).to.deep.equal([
      ['n1', 0],
      ['n2', 1],
    ]);
  });

  it('saves a snapshot whole, readable by its owner only', async () => {
    const { code, out } = await runictl(['barn', 'snapshot', 'save', 'copy.db']);
    expect([code, out.startsWith(`saved ${join(folder, 'copy.db')} (30 B)`)]).to.deep.equal([0, true]);
    expect(await readFile(join(folder, 'copy.db'), 'utf8')).to.equal('the first half, the other half');
    expect((await stat(join(folder, 'copy.db'))).mode & 0o777).to.equal(0o600);
  });

  it('leaves nothing of a snapshot that broke off', async () => {
    refusals.snapshot = true;
    expect((await runictl(['barn', 'snapshot', 'save', 'copy.db'])).code).to.equal(1);
    expect([existsSync(join(folder, 'copy.db')), existsSync(join(folder, 'copy.db.part'))]).to.deep.equal([
      false,
      false,
    ]);
  });

  it('lists alarms and takes them back', async () => {
    group.alarms = [
      { kind: 'NOSPACE', member: 0x1a },
      { kind: 'NOSPACE', member: 0x2b },
      { kind: 'CORRUPT', member: 0x2b },
    ];
    expect((await runictl(['barn', 'status'])).code).to.equal(1);
    expect((await runictl(['barn', 'alarm', 'list'])).out).to.equal(
      'ALARM     MEMBER\nNOSPACE   1a\nNOSPACE   2b\nCORRUPT   2b\n',
    );
    await runictl(['barn', 'alarm', 'disarm', 'NOSPACE', '--member', 'n2']);
    await runictl(['barn', 'alarm', 'disarm', 'CORRUPT']);
    expect(group.alarms).to.deep.equal([{ kind: 'NOSPACE', member: 0x1a }]);
    await runictl(['barn', 'alarm', 'disarm']);
    expect((await runictl(['barn', 'alarm', 'list'])).out).to.equal('no alarm\n');
    expect((await runictl(['barn', 'alarm', 'disarm', 'FIRE'])).code).to.equal(2);
  });

  it('forgets history, and refuses what it cannot in the words of etcd', async () => {
    const barn = servers[0]?.barn;
    const revision = (await barn?.readIndex()) ?? 0;
    const compact = (text: string) => runictl(['barn', 'compact', text]);
    expect(await compact(String(revision))).to.include({ code: 0, out: `compacted revision ${revision}\n` });
    const error: unknown = await barn?.range('a', 'z', { revision: revision - 1 }).catch((cause: unknown) => cause);
    expect(error).to.have.property('reason', 'Compacted');
    for (const [text, code, words] of [
      [String(revision + 1_000), 1, 'etcdserver: mvcc: required revision is a future revision'],
      ['3', 1, 'etcdserver: mvcc: required revision has been compacted'],
      ...['', '0', '-1', '1.5', '1e3', '0x10', 'all', '99999999999999999999'].map(
        (garbage) => [garbage, 2, 'a revision is a whole number'] as const,
      ),
    ] as const) {
      const refused = await compact(text);
      expect(refused.code, `${text}: ${refused.err}`).to.equal(code);
      expect(refused.err, text).to.contain(words);
    }
  });

  it('opens to cluster admins only', async () => {
    const controllers = runictlIn(join(folder, 'n1', 'controllers.kubeconfig'), folder);
    for (const argv of [
      ['member', 'list'],
      ['snapshot', 'save', 'x'],
      ['alarm', 'disarm'],
      ['compact', '1'],
    ]) {
      const { code, err } = await controllers(['barn', ...argv]);
      expect([
        code,
        /Forbidden.*User "runink-controllers" cannot (get|post) path "\/barn\/v1\//.test(err),
      ]).to.deep.equal([1, true]);
    }
    expect(existsSync(join(folder, 'x'))).to.equal(false);
  });
});
