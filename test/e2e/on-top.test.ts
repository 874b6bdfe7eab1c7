// The API on top of a replicated store: three servers that are killed, stopped and lose their leader, clients that change
// the server with every request and in the middle of lists and watches, three processes of controllers whose leader is
// paused for less and for more than its lease. No client sees time go back, nothing is made, placed or executed twice.
//   ON_TOP_SEED=N repeats the choices of a run; ON_TOP_SECONDS=N is how long trouble lasts.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { type ApiObject, isApiError, type Kind, kinds, type Secret } from '../../apis/index.ts';
import { Chance } from '../sim/chance.ts';
import { startCluster, type TestCluster } from '../support/cluster.ts';
import { Audit } from '../support/on-top/audit.ts';
import { Nemesis } from '../support/on-top/nemesis.ts';
import { type Change, judge } from '../support/on-top/observations.ts';
import { judgeOnce } from '../support/on-top/once.ts';
import { RegisterClient, Sightings } from '../support/on-top/registers.ts';
import { insist, Roaming, Servers, within } from '../support/on-top/roaming.ts';
import { Upheaval } from '../support/on-top/upheaval.ts';
import { Work } from '../support/on-top/work.ts';

const seed = Number(process.env['ON_TOP_SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const troubleMs = Number(process.env['ON_TOP_SECONDS'] ?? 20) * 1000;
/** For what is under way when the trouble ends. */
const settleMsMax = 120_000;
const leaseMs = 3_000;
const pipelines = 3;
const clients = 3;
const auditsEach = 3;
const auditRestMs = 2_500;
const herd = 'on-top';
/** Four steps, of which one fails at its first attempt. */
const executionsOfFirstRun = 5;
const violationsShownMax = 20;

describe(`three servers and three controllers under trouble, ON_TOP_SEED=${seed}`, function () {
  this.timeout(troubleMs + settleMsMax + 120_000);
  const chance = new Chance(seed);
  let cluster: TestCluster;
  let servers: Servers;
  let nemesis: Nemesis | undefined;
  /** What goes on until it is told to end, also when the test has failed. */
  const over = new AbortController();
  const audits: Audit<ApiObject>[] = [];
  let busy: Promise<unknown> = Promise.resolve();

  before(async () => {
    const many = ['--servers', '3', '--controllers', '3', '--agents', '2'];
    const lease = ['--leader-elect-lease-ms', String(leaseMs)];
    cluster = await startCluster([...many, ...lease, '--isolation', 'none']);
    servers = new Servers(cluster.client.raw.connection);
  });
  after(async () => {
    over.abort();
    await Promise.all([busy, ...audits.map((audit) => audit.stop())]);
    nemesis?.end();
    servers?.[Symbol.dispose]();
    await cluster?.stop();
  });

  it('shows every client one history, and does everything once', async () => {
    await cluster.client.create(kinds.herds, { apiVersion: 'runink.io/v1', kind: 'Herd', metadata: { name: herd } });
    const from = await versionNow();
    const audited = <T extends ApiObject>(kind: Kind<T>, namespace: string): readonly Audit<T>[] =>
      Array.from({ length: auditsEach }, () => {
        const audit = new Audit(servers, chance.fork(), { kind, namespace, from, restMs: auditRestMs });
        audits.push(audit);
        return audit;
      });
    const told = {
      secrets: audited(kinds.secrets, herd),
      runs: audited(kinds.runs, 'default'),
      slices: audited(kinds.slices, 'default'),
    };
    const lines = join(cluster.directory, 'lines');
    await writeFile(lines, '');
    const work = new Work(servers, chance, lines);
    const sightings = new Sightings();
    nemesis = new Nemesis(cluster, servers, chance.fork(), leaseMs);

    const trouble = within(troubleMs, over.signal);
    const deadline = within(troubleMs + settleMsMax, over.signal);
    const registers = Array.from(
      { length: clients },
      () => new RegisterClient(servers, chance.fork(), sightings, herd),
    );
    const upheaval = new Upheaval(servers, chance.fork(), { forgets: false });
    const all = [
      nemesis.run(trouble),
      upheaval.run(trouble),
      ...registers.map((client) => client.run(trouble)),
      ...Array.from({ length: pipelines }, (_, index) => work.run(`work-${index + 1}`, trouble, deadline)),
    ];
    busy = Promise.allSettled(all);
    await Promise.all(all);
    nemesis.end();

    await makeLast(new Roaming(servers, chance.fork()), deadline);
    await theyAgree(told.secrets, await lastVersion(kinds.secrets, herd, deadline), deadline);
    await theyAgree(told.runs, await lastVersion(kinds.runs, 'default', deadline), deadline);
    await theyAgree(told.slices, await lastVersion(kinds.slices, 'default', deadline), deadline);
    const history = (told.secrets[0]?.events ?? []).map(changeOf);
    expect(shown([...sightings.violations, ...judge(history, sightings.observations)]), 'reads').to.deep.equal([]);
    const records = {
      asked: work.asked,
      runs: told.runs[0]?.events ?? [],
      slices: told.slices[0]?.events ?? [],
      lines: (await readFile(lines, 'utf8')).split('\n').filter((line) => line !== ''),
    };
    expect(shown(judgeOnce(records)), 'once').to.deep.equal([]);
    await serversAgree(deadline);
    const { deeds } = nemesis;
    console.log(
      `      ${[...deeds, ...upheaval.deeds].map(([deed, times]) => `${deed} ${times}`).join(', ')}; ` +
        `${sightings.observations.length} sightings of ${history.length} changes, ${records.lines.length} executions`,
    );
    expect(sightings.observations.length, 'sightings').to.be.greaterThan(20);
    expect(records.lines.length, 'executions').to.be.at.least(executionsOfFirstRun * pipelines);
  });

  async function versionNow(): Promise<number> {
    return Number((await cluster.client.list(kinds.secrets, { namespace: herd })).metadata.resourceVersion);
  }

  /** What the audits of secrets are told last, so that they are known to have been told everything before it. */
  async function makeLast(roaming: Roaming, deadline: AbortSignal): Promise<void> {
    const last: Secret = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: herd, name: 'last' } };
    await roaming.insist(
      (client) =>
        client.create(kinds.secrets, last).catch((cause: unknown) => {
          // An attempt whose answer never came.
          if (!isApiError(cause, 'AlreadyExists')) throw cause;
        }),
      deadline,
    );
  }

  async function lastVersion(kind: Kind<ApiObject>, namespace: string, deadline: AbortSignal): Promise<number> {
    const { items } = await insist(() => cluster.client.list(kind, { namespace }), deadline);
    return Math.max(...items.map(({ metadata }) => Number(metadata.resourceVersion)));
  }

  async function serversAgree(deadline: AbortSignal): Promise<void> {
    for (const kind of [kinds.runs, kinds.slices, kinds.pipelines] as readonly Kind<ApiObject>[]) {
      const { metadata } = await insist(() => cluster.client.list(kind, { namespace: 'default' }), deadline);
      const { resourceVersion } = metadata;
      // With a limit, a version is that very version.
      const options = { namespace: 'default', resourceVersion, limit: 100_000 };
      const lists = await Promise.all(servers.each.map((client) => insist(() => client.list(kind, options), deadline)));
      const [first, ...others] = lists.map(({ items }) => items);
      for (const other of others) expect(other, kind.plural).to.deep.equal(first);
    }
  }
});

/** Waits until the audits have come to `version`; they end there, and all were told the same by the rules. */
async function theyAgree(audits: readonly Audit<ApiObject>[], version: number, deadline: AbortSignal): Promise<void> {
  for (const audit of audits) {
    await audit.reaches(version, deadline);
    await audit.stop();
  }
  expect(shown(audits.flatMap(({ violations }) => violations)), 'what audits were told').to.deep.equal([]);
  const [first, ...others] = audits.map(({ events }) =>
    events.filter((event) => event.version <= version).map(changeOf),
  );
  for (const other of others) expect(other, 'another audit').to.deep.equal(first);
}

function changeOf({
  type,
  version,
  object,
}: {
  readonly type: Change['type'];
  readonly version: number;
  readonly object: ApiObject;
}): Change {
  return { type, version, name: object.metadata.name ?? '' };
}

function shown(violations: readonly string[]): readonly string[] {
  return violations.slice(0, violationsShownMax);
}
