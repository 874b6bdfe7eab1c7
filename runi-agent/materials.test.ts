import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { kinds } from '../apis/index.ts';
import { MemoryClient } from '../client/index.ts';
import { BundleStore } from './bundles.ts';
import { LaunchError } from './launch.ts';
import { MaterialSource } from './materials.ts';

describe('runi-agent: materials', () => {
  let top: string;
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'materials-'));
  });
  afterEach(() => rmSync(top, { recursive: true, force: true }));

  it('gives a slice only runs of its own herd, whatever uid it names', async () => {
    const client = new MemoryClient();
    const herds = new Map<string, string | undefined>();
    const runs = new Map<string, string | undefined>();
    for (const name of ['ours', 'theirs']) {
      const herd = await client.create(kinds.herds, { apiVersion: 'runink.io/v1', kind: 'Herd', metadata: { name } });
      herds.set(name, herd.metadata.uid);
      const run = await client.create(kinds.runs, {
        apiVersion: 'runink.io/v1',
        kind: 'Run',
        metadata: { name: 'nightly', namespace: name },
        spec: { pipeline: { name: 'p' }, plan: { steps: [], groups: [] } },
      });
      runs.set(name, run.metadata.uid);
    }
    const bundles = await BundleStore.open(top);
    const source = new MaterialSource({ client, bundles, findProgram: (name) => name });
    const ask = (herd: string, runUid: string) =>
      source.run({ herd, runUid, group: 'g', attempt: 1 }, 'nightly').catch((cause: unknown) => cause);

    expect(await ask('theirs', runs.get('theirs') ?? '')).to.deep.include({ herdUid: herds.get('theirs') });
    // Kept by now, and still another herd's.
    expect(await ask('ours', runs.get('theirs') ?? '')).to.be.instanceOf(LaunchError);
    // A slice without a uid goes by the run's name, which both herds have.
    expect(await ask('theirs', 'nightly')).to.deep.include({ herdUid: herds.get('theirs') });
    expect(await ask('ours', 'nightly')).to.deep.include({ herdUid: herds.get('ours') });
  });
});
