// Forty tiny steps, each in a slice of its own with full isolation, each waiting for the one before; the control is
// forty bare child processes of this one.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Run } from '../../apis/index.ts';
import { startCluster } from '../support/cluster.ts';
import { beside, median, type Row, timed } from './row.ts';

const steps = 40;
const rounds = 3;

/** Milliseconds a hop of the chain, and independent steps a second. */
export async function bench(): Promise<readonly Row[]> {
  const isRoot = process.getuid?.() === 0;
  const cluster = await startCluster(isRoot ? [] : ['--isolation', 'none']);
  try {
    const hops: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await cluster.apply(
        pipeline(`chain-${round}`, steps, (index) => (index === 0 ? '' : `, after: [s${index - 1}]`)),
      );
      hops.push(spanMs(await cluster.finished(`chain-${round}`)) / steps);
      bare.push(await bareMs());
    }
    const wide = 200;
    await cluster.apply(pipeline('wide', wide, () => ''));
    const perSecond = (wide * 1000) / spanMs(await cluster.finished('wide', { deadlineMs: 120_000 }));
    const isolation = isRoot ? 'isolated' : 'not isolated';
    return [
      beside(
        `hop of a chain of ${steps} native steps, ${isolation}`,
        median(hops),
        'ms',
        'child_process of /usr/bin/true',
        median(bare),
      ),
      { name: `${wide} independent native steps, ${isolation}`, value: perSecond, unit: '/s' },
    ];
  } finally {
    await cluster.stop();
  }
}

async function bareMs(): Promise<number> {
  const spawnTrue = promisify(execFile);
  return (
    (await timed(async () => {
      for (let index = 0; index < steps; index++) await spawnTrue('/usr/bin/true');
    })) / steps
  );
}

function spanMs(run: Run): number {
  if (run.status?.phase !== 'Succeeded') throw new Error(`run ${run.metadata.name}: ${run.status?.message}`);
  return Date.parse(run.status.completionTime ?? '') - Date.parse(run.metadata.creationTimestamp ?? '');
}

function pipeline(name: string, count: number, more: (index: number) => string): string {
  const lines = Array.from(
    { length: count },
    (_, index) => `    - { name: s${index}, use: exec, with: { command: [/usr/bin/true] }${more(index)} }`,
  );
  return `apiVersion: runink.io/v1\nkind: Pipeline\nmetadata: { name: ${name}, namespace: default }\nspec:\n  steps:\n${lines.join('\n')}\n`;
}
