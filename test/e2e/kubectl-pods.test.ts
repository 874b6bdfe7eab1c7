// Slices as pods, with the real kubectl on a real cluster of two agents: what people and dashboards do with pods and nodes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { kinds, type Slice } from '../../apis/index.ts';
import { present } from '../../base/index.ts';
import { kubectlPath, type Outcome, type TestCluster, waitFor } from '../support/cluster.ts';
import { isolationHere, onCluster } from '../support/on-cluster.ts';

/** Says two words, two seconds apart, and goes on until it is ended. */
const pipeline = `apiVersion: runink.io/v1
kind: Pipeline
metadata: { name: long, namespace: default }
spec:
  sources: [{ name: numbers, uri: "file://data/in.ndjson" }]
  steps:
    - name: hold
      use: exec
      from: [numbers]
      with: { command: [/bin/sh, -c, "echo begun >&2; sleep 2; echo later >&2; cat; exec sleep 600"] }
  sinks: [{ name: out, from: hold, uri: "file://data/out.ndjson" }]
`;

describe('pods with kubectl', function () {
  this.timeout(120_000);
  let cluster: TestCluster;
  onCluster(
    async (started) => {
      cluster = started;
      await mkdir(cluster.dataVolume, { recursive: true });
      await writeFile(join(cluster.dataVolume, 'in.ndjson'), '{"n":1}\n');
    },
    [...isolationHere, '--agents', '2'],
  );

  const ok = async (...args: readonly string[]): Promise<string> => succeeded(await cluster.kubectl(args));
  const slice = (name: string, holds: (slice: Slice | undefined) => boolean): Promise<Slice | undefined> =>
    waitFor(cluster.client, kinds.slices, { namespace: 'default', name }, holds);
  const runs = (object: Slice | undefined): boolean => object?.status?.phase === 'Running';

  it('shows, follows, moves and deletes what runs', async () => {
    const nodes = (await ok('get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}')).split(' ');
    const [node, other] = [present(nodes[0], 'a node'), present(nodes[1], 'another')];
    expect(await ok('cordon', node, other)).to.equal(`node/${node} cordoned\nnode/${other} cordoned\n`);
    const watching = following(cluster, ['get', 'pods', '-w', '-o', 'wide']);
    await cluster.apply(pipeline);
    const begun = await waitFor(
      cluster.client,
      kinds.pipelines,
      { namespace: 'default', name: 'long' },
      (object) => object?.status?.lastRun !== undefined,
    );
    const run = present(begun?.status?.lastRun, 'run');
    const first = `${run}-hold-1`;
    await watching.said(new RegExp(`^NAME .*\n${first} +0/1 +Pending +0 +\\S+ +<none> +<none> `));
    expect((await cluster.kubectl(['logs', first])).stderr).to.include(
      `container "hold" in pod "${first}" is waiting to start: it is not placed on a node yet`,
    );
    expect(await ok('uncordon', node)).to.equal(`node/${node} uncordoned\n`);
    expect(await ok('wait', `pod/${first}`, '--for=condition=Ready', '--timeout=20s')).to.equal(
      `pod/${first} condition met\n`,
    );
    const logs = following(cluster, ['logs', '-f', first]);
    await watching.said(new RegExp(`${first} +1/1 +Running +0 +\\S+ +<none> +${node} +<none> +<none>\n`));
    expect(await ok('uncordon', other)).to.equal(`node/${other} uncordoned\n`);

    expect(await ok('get', 'pods')).to.match(
      new RegExp(`^NAME +READY +STATUS +RESTARTS +AGE\n${first} +1/1 +Running +0 +\\d+s\n$`),
    );
    expect(
      await ok('get', 'po', '-A', `--field-selector=spec.nodeName=${node},status.phase=Running`, '-o', 'name'),
    ).to.equal(`pod/${first}\n`);
    expect(await ok('describe', 'pod', first))
      .to.match(/^Controlled By: +Run\/long-/m)
      .and.to.match(/^Status: +Running$/m)
      .and.to.match(/^ +hold:\n/m)
      .and.to.match(/^ +Ready +True *$/m);
    await logs.said(/begun\nlater\n/);
    expect(await ok('logs', first, '-c', 'hold', '--tail=1')).to.equal('later\n');
    expect(await ok('logs', first, '--timestamps', '--since=1m')).to.match(
      /^\d{4}-\d\d-\d\dT\S+Z begun\n\S+Z later\n$/,
    );
    expect(await ok('logs', '-l', `runink.io/run=${run}`)).to.equal('begun\nlater\n');
    expect((await cluster.kubectl(['logs', first, '-c', 'zz'])).stderr).to.include(
      `container zz is not valid for pod ${first}`,
    );
    expect((await cluster.kubectl(['logs', first, '--previous'])).stderr).to.include(
      `previous terminated container "hold" in pod "${first}" not found`,
    );
    expect(await ok('describe', 'node', node)).to.match(new RegExp(`default +${first} +\\d+m `));

    expect(await ok('cordon', node)).to.equal(`node/${node} cordoned\n`);
    const drained = await cluster.kubectl(['drain', node, '--timeout=20s']);
    expect(drained.stdout, drained.stderr)
      .to.include(`evicting pod default/${first}\n`)
      .and.include(`node/${node} drained\n`);
    const second = `${run}-hold-2`;
    const moved = present(await slice(second, runs), 'second attempt');
    expect(moved.spec.nodeName).to.equal(other);
    expect(await ok('get', 'pods')).to.match(new RegExp(`\n${second} +1/1 +Running +1 `));
    expect(await ok('logs', second, '--previous')).to.include('begun\n');
    await logs.end();
    const { status } = await cluster.client.get(kinds.runs, { namespace: 'default', name: run });
    expect(status?.attempts?.map(({ failures, losses }) => [failures, losses])).to.deep.equal([[0, 1]]);
    expect(await ok('uncordon', node)).to.equal(`node/${node} uncordoned\n`);

    expect(await ok('delete', 'pod', second, '--grace-period=1')).to.equal(
      `pod "${second}" deleted from default namespace\n`,
    );
    expect(await ok('wait', `pod/${second}`, '--for=delete', '--timeout=20s')).to.match(
      /^(pod\/\S+ condition met\n)?$/,
    );
    const created = await cluster.kubectl(
      ['create', '-f', '-'],
      'apiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec: { containers: [{ name: c, image: i }] }\n',
    );
    expect(created.stderr).to.include('pods show slices and are not written');
    await watching.said(new RegExp(`${first} +1/1 +Terminating `));
    watching.stop();
    expect(await ok('delete', 'pipeline', 'long')).to.match(/deleted/);
  });
});

function succeeded(outcome: Outcome): string {
  expect(outcome.code, outcome.stderr).to.equal(0);
  return outcome.stdout;
}

interface Following {
  /** Resolves when it printed what matches; rejects after twenty seconds. */
  said(pattern: RegExp): Promise<void>;
  /** Resolves with its exit code. */
  end(): Promise<number | null>;
  stop(): void;
}

const saidMsMax = 20_000;

/** A kubectl that goes on printing. */
function following(cluster: TestCluster, args: readonly string[]): Following {
  const env = { PATH: process.env['PATH'] ?? '', HOME: cluster.directory, KUBECONFIG: cluster.kubeconfig };
  const child = spawn(kubectlPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  const looks = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more;
    for (const look of looks) look();
  });
  const ended = once(child, 'close');
  return {
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!pattern.test(text)) return;
          clearTimeout(timer);
          looks.delete(look);
          resolve();
        };
        const timer = setTimeout(() => {
          looks.delete(look);
          reject(new Error(`kubectl ${args.join(' ')} did not print ${pattern.source}: ${text}`));
        }, saidMsMax);
        looks.add(look);
        look();
      }),
    async end() {
      await ended;
      return child.exitCode;
    },
    stop: () => void child.kill('SIGKILL'),
  };
}
