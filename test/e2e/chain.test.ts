import { expect } from 'chai';
import { kinds } from '../../apis/index.ts';
import type { TestCluster } from '../support/cluster.ts';
import { onCluster } from '../support/on-cluster.ts';

// Create, bind, Running (if it lives beyond a second) and the final status; the delete comes a minute later.
const writesBeforeDeleteMax = 4;

describe('many steps', function () {
  this.timeout(180_000);
  let cluster: TestCluster;
  onCluster((started) => void (cluster = started));

  it('runs a chain of 40 steps, each in a group of its own, in order', async () => {
    const writes = countSliceWrites(cluster, 'chain');
    await cluster.apply(pipeline('chain', 40, (index) => (index === 0 ? '' : `, after: [s${index - 1}]`)));
    const run = await cluster.finished('chain', { deadlineMs: 120_000 });
    expect(run.status?.phase, run.status?.message).to.equal('Succeeded');
    expect(run.status?.summary).to.equal('40/40');
    const starts = (run.status?.steps ?? []).map((step) => [step.startTime ?? '', step.completionTime ?? ''] as const);
    for (const [index, [start]] of starts.entries()) {
      if (index > 0)
        expect(start >= (starts[index - 1]?.[1] ?? ''), `s${index} started before s${index - 1} ended`).to.equal(true);
    }
    expectFewWrites(writes.stop(), 40);
  });

  it('runs 500 independent tiny steps, none lost', async () => {
    const writes = countSliceWrites(cluster, 'wide');
    await cluster.apply(pipeline('wide', 500, () => ''));
    const run = await cluster.finished('wide', { deadlineMs: 150_000 });
    expect(run.status?.phase, run.status?.message).to.equal('Succeeded');
    expect(run.status?.summary).to.equal('500/500');
    expectFewWrites(writes.stop(), 500);
  });
});

function pipeline(name: string, steps: number, more: (index: number) => string): string {
  const lines = Array.from(
    { length: steps },
    (_, index) => `    - { name: s${index}, use: exec, with: { command: [/usr/bin/true] }${more(index)} }`,
  );
  return `
apiVersion: runink.io/v1
kind: Pipeline
metadata: { name: ${name}, namespace: default }
spec:
  steps:
${lines.join('\n')}
`;
}

/** Counts the Barn's writes of each slice: every one is an event of its watch. */
function countSliceWrites(cluster: TestCluster, pipeline: string): { stop(): ReadonlyMap<string, number> } {
  const counts = new Map<string, number>();
  const abort = new AbortController();
  const counting = (async () => {
    const labelSelector = `runink.io/pipeline=${pipeline}`;
    const options = { namespace: 'default', labelSelector, signal: abort.signal };
    for await (const event of cluster.client.watch(kinds.slices, options)) {
      if (event.type !== 'ADDED' && event.type !== 'MODIFIED') continue;
      const name = event.object.metadata.name ?? '';
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  })();
  return {
    stop() {
      abort.abort();
      counting.catch((error: unknown) => {
        if (!abort.signal.aborted) throw error;
      });
      return counts;
    },
  };
}

function expectFewWrites(counts: ReadonlyMap<string, number>, slices: number): void {
  expect(counts.size).to.equal(slices);
  expect([...counts].filter(([, writes]) => writes > writesBeforeDeleteMax)).to.deep.equal([]);
}
