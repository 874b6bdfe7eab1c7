import { expect } from 'chai';
import { ApiError, kinds, type Slice } from '../apis/index.ts';
import { seededRandom, silentLog, systemClock } from '../base/index.ts';
import { MemoryClient } from '../client/index.ts';
import { StatusWriter } from './status-writer.ts';

describe('runi-agent: status writer', () => {
  let client: MemoryClient;
  let writer: StatusWriter;
  let running: Promise<void>;
  beforeEach(() => {
    client = new MemoryClient();
    writer = new StatusWriter({ client, clock: systemClock, random: seededRandom(1), log: silentLog });
    running = writer.run();
  });
  afterEach(async () => {
    await writer.stop();
    await running;
  });

  const makeSlice = (): Promise<Slice> =>
    client.create(kinds.slices, {
      apiVersion: 'runink.io/v1',
      kind: 'Slice',
      metadata: { namespace: 'default', name: 's' },
      spec: { run: 'r', step: 's', attempt: 1 },
    });
  const read = (): Promise<Slice> => client.get(kinds.slices, { namespace: 'default', name: 's' });
  async function until(holds: (slice: Slice) => boolean): Promise<void> {
    for (let tries = 0; tries < 500; tries++) {
      if (holds(await read().catch(() => ({}) as Slice))) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect.fail('it did not come true');
  }

  it('writes Running and then the final status, each once', async () => {
    const slice = await makeSlice();
    const before = client.writes;
    writer.put(slice, { phase: 'Running' });
    await until((seen) => seen.status?.phase === 'Running');
    writer.put(slice, { phase: 'Succeeded' });
    await until((seen) => seen.status?.phase === 'Succeeded');
    expect(client.writes - before).to.equal(2);
  });

  it('writes again what the store has acknowledged and forgotten, when it is told of a new list', async () => {
    const slice = await makeSlice();
    writer.put(slice, { phase: 'Running' });
    await until((seen) => seen.status?.phase === 'Running');
    await client.updateStatus(kinds.slices, { ...(await read()), status: { phase: 'Pending' } });
    writer.relisted();
    await until((seen) => seen.status?.phase === 'Running');
    const before = client.writes;
    writer.put(slice, { phase: 'Succeeded' });
    await until((seen) => seen.status?.phase === 'Succeeded');
    // One that the objects say already is not written.
    writer.relisted();
    await writer.stop();
    expect(client.writes - before).to.equal(1);
  });

  it('repeats until the API takes it', async () => {
    const slice = await makeSlice();
    let failures = 3;
    client.failWith(() => (failures-- > 0 ? new ApiError('ServiceUnavailable', 'away') : undefined));
    writer.put(slice, { phase: 'Failed', reason: 'StepFailed' });
    await until((seen) => seen.status?.phase === 'Failed');
  });

  it('takes the newest version when the slice was changed meanwhile', async () => {
    const slice = await makeSlice();
    await client.patch(
      kinds.slices,
      { namespace: 'default', name: 's' },
      { type: 'merge', body: { metadata: { labels: { a: 'b' } } } },
    );
    writer.put(slice, { phase: 'Succeeded' });
    await until((seen) => seen.status?.phase === 'Succeeded' && seen.metadata.labels?.['a'] === 'b');
  });

  it('leaves a final status of another alone', async () => {
    const slice = await makeSlice();
    await client.updateStatus(kinds.slices, { ...slice, status: { phase: 'Lost', reason: 'NodeLost' } });
    writer.put(slice, { phase: 'Succeeded' });
    await writer.stop();
    expect((await read()).status?.phase).to.equal('Lost');
  });

  it('remembers what was decided until the slice says so', async () => {
    const slice = await makeSlice();
    writer.put(slice, { phase: 'Failed' });
    writer.put(slice, { phase: 'Succeeded' });
    expect(writer.statusOf(slice.metadata.uid ?? '')).to.deep.equal({ phase: 'Failed' });
    await until((seen) => seen.status?.phase === 'Failed');
    writer.observe(slice.metadata.uid ?? '', await read());
    expect(writer.statusOf(slice.metadata.uid ?? '')).to.equal(undefined);
  });
});
