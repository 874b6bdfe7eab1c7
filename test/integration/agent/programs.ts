// The real programs on a real API server, from compiled output.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { HttpClient, loadKubeconfig } from '../../../client/index.ts';

const dist = join(import.meta.dirname, '../../..');

export interface Programs extends AsyncDisposable {
  readonly client: HttpClient;
  readonly top: string;
  readonly agent: ChildProcess;
  startServer(): Promise<ChildProcess>;
  startAgent(): Promise<ChildProcess>;
}

/** An API server and an agent without isolation, ready. */
export async function openPrograms(node: string): Promise<Programs> {
  const top = await mkdtemp(join(tmpdir(), 'programs-'));
  await mkdir(join(top, 'volume'));
  await mkdir(join(top, 'programs'));
  for (const [name, entry] of [
    ['runi-exchange', 'runi-agent/exchange/main.js'],
    ['runi-slice', 'runi-slice/main.js'],
  ] as const)
    await writeFile(join(top, 'programs', name), `import(${JSON.stringify(join(dist, entry))});\n`);
  const children: ChildProcess[] = [];
  async function start(argv: readonly string[]): Promise<ChildProcess> {
    const child = spawn(process.execPath, argv, {
      stdio: ['pipe', 'pipe', process.env['RUNINK_TEST_LOGS'] === undefined ? 'ignore' : 'inherit'],
      env: { PATH: '/usr/bin:/bin', RUNINK_EXIT_ON_STDIN_EOF: '1' },
    });
    children.push(child);
    for await (const line of createInterface({ input: child.stdout })) if (line.includes('"ready":true')) return child;
    throw new Error(`${argv[0] ?? ''} ended before it was ready`);
  }
  const startServer = (): Promise<ChildProcess> =>
    start([join(dist, 'apiserver/main.js'), '--data', join(top, 'api'), '--port', '0', '--node', node]);
  const startAgent = async (): Promise<ChildProcess> => {
    const kubeconfig = join(top, 'api', 'nodes', `${node}.kubeconfig`);
    const argv = ['--kubeconfig', kubeconfig, '--node', node, '--state', join(top, 'state'), '--isolation', 'none'];
    const volume = `data=${join(top, 'volume')}:rw`;
    current.agent = await start([
      join(dist, 'runi-agent/main.js'),
      ...argv,
      '--programs',
      join(top, 'programs'),
      '--volume',
      volume,
    ]);
    return current.agent;
  };
  const current: { agent: ChildProcess } = { agent: await startServer() };
  await startAgent();
  const client = new HttpClient(await loadKubeconfig(join(top, 'api', 'admin.kubeconfig')));
  return {
    client,
    top,
    get agent() {
      return current.agent;
    },
    startServer,
    startAgent,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      for (const child of children.reverse()) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      await rm(top, { recursive: true, force: true });
    },
  };
}
