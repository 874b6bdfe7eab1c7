// Pipeline and run controller over the memory API; the test plays scheduler and agent by writing the slices' status.
import { expect } from 'chai';
import { kinds, type Pipeline, type Run, type Slice } from '../../apis/index.ts';
import { seededRandom, silentLog, systemClock } from '../../base/index.ts';
import { MemoryClient } from '../../client/index.ts';
import { type ControllerContext, EventRecorder, Informers } from '../kit/index.ts';
import { makeRig, settle } from '../kit/rig.ts';
import { pipelineController } from '../pipeline/index.ts';
import { runController } from './index.ts';

const deps = { clock: systemClock, random: seededRandom(1), log: silentLog };
type Ends = (slice: Slice) => NonNullable<Slice['status']>;

const step = (name: string, more: object = {}) => ({
  name,
  use: 'exec' as const,
  with: { command: ['true'] },
  ...more,
});
const pipeline = (steps: Pipeline['spec']['steps']): Pipeline => ({
  apiVersion: 'runink.io/v1',
  kind: 'Pipeline',
  metadata: { name: 'p', namespace: 'default' },
  spec: { steps, retry: { max: 1, backoff: '1ms' } },
});

describe('pipeline and run controllers together', () => {
  it('take a chain from apply to Succeeded, each step once and in order', async () => {
    const { run, order } = await walk(pipeline([step('b', { after: ['a'] }), step('a')]), () => ({
      phase: 'Succeeded',
    }));
    expect(order).to.deep.equal(['a-1', 'b-1']);
    expect([run.status?.phase, run.status?.summary]).to.deep.equal(['Succeeded', '2/2']);
  });
  it('repeat a failed step and then go on', async () => {
    const ends: Ends = (slice) => ({ phase: slice.spec.attempt === 1 ? 'Failed' : 'Succeeded', reason: 'StepFailed' });
    const { run, order } = await walk(pipeline([step('a')]), ends);
    expect(order).to.deep.equal(['a-1', 'a-2']);
    expect(run.status?.phase).to.equal('Succeeded');
  });
  it('give up after the last repetition and say why', async () => {
    const ends: Ends = () => ({ phase: 'Failed', reason: 'OOMKilled', message: 'over its limit' });
    const { run, order } = await walk(pipeline([step('a'), step('b', { after: ['a'] })]), ends);
    expect(order).to.deep.equal(['a-1', 'a-2']);
    expect(run.status).to.include({
      phase: 'Failed',
      message: 'step "a" failed on attempt 2: OOMKilled: over its limit',
    });
    expect(run.status?.steps?.map(({ name, phase }) => [name, phase])).to.deep.equal([
      ['a', 'Failed'],
      ['b', 'Cancelled'],
    ]);
  });

  it('take no slice of a former run of the same name for their own', async () => {
    const rig = makeRig();
    const { api } = rig;
    const group = { name: 'a', steps: ['a'], after: [] };
    const limits = { cpuMillis: 100, cpuLimitMillis: 100, memoryBytes: 1, pids: 1 };
    const only = { name: 'a', group: 'a', use: 'exec', runtime: 'native', inputs: [], outputs: [], ...limits } as const;
    const made = await api.create(kinds.runs, {
      apiVersion: 'runink.io/v1',
      kind: 'Run',
      metadata: { name: 'r', namespace: 'default' },
      spec: { pipeline: { name: 'p' }, plan: { groups: [group], steps: [only] } },
    });
    const former = await api.create(kinds.slices, {
      apiVersion: 'runink.io/v1',
      kind: 'Slice',
      metadata: { name: 'r-a-1', namespace: 'default' },
      spec: { run: 'r', runUID: 'former', step: 'a', attempt: 1 },
    });
    await api.updateStatus(kinds.slices, { ...former, status: { phase: 'Succeeded' } });
    rig.run(runController);
    await settle();
    expect((await api.get(kinds.runs, { namespace: 'default', name: 'r' })).status?.phase).to.equal('Running');
    await api.delete(kinds.slices, { namespace: 'default', name: 'r-a-1' });
    await settle();
    const own = await api.get(kinds.slices, { namespace: 'default', name: 'r-a-1' });
    expect(own.spec.runUID).to.equal(made.metadata.uid);
    await rig.end();
  });
});

/** Applies the pipeline, ends each slice as `ends` says, and returns the finished run and the slices in order. */
async function walk(declared: Pipeline, ends: Ends): Promise<{ readonly run: Run; readonly order: readonly string[] }> {
  const client = new MemoryClient();
  await using informers = new Informers({ client, ...deps });
  const recorder = new EventRecorder({ client, ...deps, component: 'test' });
  const context: ControllerContext = { client, informers, recorder, ...deps };
  const abort = new AbortController();
  const controllers = [pipelineController(context), runController(context)].map((one) => one.run(abort.signal));
  const order: string[] = [];
  const agent = endSlices(client, ends, order, abort.signal);
  await client.create(kinds.pipelines, declared);
  const run = await finished(client);
  abort.abort();
  await Promise.all([...controllers, agent]);
  return { run, order };
}

async function endSlices(client: MemoryClient, ends: Ends, order: string[], signal: AbortSignal): Promise<void> {
  for await (const event of client.watch(kinds.slices, { signal })) {
    if (event.type !== 'ADDED') continue;
    order.push(`${event.object.spec.step}-${event.object.spec.attempt}`);
    await client.updateStatus(kinds.slices, { ...event.object, status: ends(event.object) });
  }
}

async function finished(client: MemoryClient): Promise<Run> {
  for await (const event of client.watch(kinds.runs, { signal: AbortSignal.timeout(5000) })) {
    if (event.type !== 'BOOKMARK' && event.object.status?.completionTime !== undefined) return event.object;
  }
  throw new Error('the run did not end within 5 s');
}
