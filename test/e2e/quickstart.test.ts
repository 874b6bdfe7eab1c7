// The quickstart on a fresh folder: what it writes equals what Python works out, and nothing of it stays behind.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parse } from 'csv-parse/sync';
import { checkout, type Outcome, run } from '../support/cluster.ts';
import { takeResidue, waitForNoResidue } from '../support/residue.ts';

interface Expected {
  readonly rows: readonly Readonly<Record<string, string | number | null>>[];
  readonly dead: Readonly<Record<string, number>>;
}

const deadlineMs = 170_000;
const vega = join(checkout, 'node_modules', 'vega-datasets', 'data');

describe('the quickstart', function () {
  this.timeout(180_000);
  const residue = takeResidue();
  let dataDir: string;
  let outcome: Outcome;
  let expected: { readonly delays: Expected; readonly genres: Expected };

  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'runink-quickstart-'));
    const { stdout, stderr } = spawnSync(
      '/usr/bin/python3',
      [join(checkout, 'test/e2e/quickstart_expected.py'), vega],
      {
        encoding: 'utf8',
      },
    );
    expect(stderr).to.equal('');
    expected = JSON.parse(stdout) as typeof expected;
    const isolation = process.getuid?.() === 0 ? [] : ['--isolation', 'none'];
    outcome = await run('sh', ['hack/quickstart.sh', '--data', dataDir, ...isolation], { deadlineMs });
  });
  after(() => rm(dataDir, { recursive: true, force: true }));

  const out = (name: string): string => readFileSync(join(dataDir, 'data', 'out', name), 'utf8');
  const lines = (name: string): unknown[] =>
    out(name)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  const reasons = (name: string): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const letter of lines(name) as { step: string; code: string; path: string }[]) {
      const reason = `${letter.step} ${letter.code} ${letter.path}`;
      counts[reason] = (counts[reason] ?? 0) + 1;
    }
    return counts;
  };

  it('ends well and tells what ran where, rows, dead letters, files and what to do next', () => {
    expect(outcome.code, `${outcome.stdout}\n${outcome.stderr}`).to.equal(0);
    for (const text of ['what ran where', 'First rows of', 'dead letters in', 'Try next:', 'The cluster is stopped.'])
      expect(outcome.stdout).to.contain(text);
  });
  it('ranks the airports of each hour as Python does', () => {
    expect(lines('delays.ndjson')).to.deep.equal(expected.delays.rows);
  });
  it('sets aside the flights that Python would', () => {
    expect(reasons('flights-dead.ndjson')).to.deep.equal(expected.delays.dead);
  });
  it('sums up genres as Python does', () => {
    const rows = parse<Record<string, string>>(out('genres.csv'), { columns: true });
    expect(rows.map(({ genre }) => genre)).to.deep.equal(expected.genres.rows.map(({ genre }) => genre));
    for (const [index, row] of rows.entries())
      for (const name of ['movies', 'gross', 'budget', 'rating']) {
        const wanted = expected.genres.rows[index]?.[name] ?? null;
        const found = row[name] === '' ? null : Number(row[name]);
        if (typeof wanted === 'number')
          expect(found, `${row['genre'] ?? ''} ${name}`).to.be.closeTo(wanted, Math.abs(wanted) * 1e-12);
        else expect(found).to.equal(wanted);
      }
  });
  it('sets aside the movies that Python would, by reason', () => {
    expect(reasons('movies-dead.ndjson')).to.deep.equal(expected.genres.dead);
  });
  it('keeps the original of every dead letter', () => {
    for (const letter of lines('movies-dead.ndjson') as { original: string }[])
      expect(JSON.parse(letter.original)).to.have.property('Title');
  });
  it('leaves nothing staged in the volume, and nothing on the machine', async () => {
    const staged = join(dataDir, 'data', '.runink');
    if (existsSync(staged)) expect(readdirSync(staged)).to.deep.equal([]);
    // Only what bears its name: others may use the machine.
    const instance = createHash('sha256').update(realpathSync(dataDir)).digest('hex').slice(0, 8);
    const left = await waitForNoResidue(residue, 1_000);
    expect(left.filter((line) => line.includes(dataDir) || line.includes(`runink-${instance}`))).to.deep.equal([]);
  });
});
