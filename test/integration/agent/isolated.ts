// The real programs behind a real helper, on a real API server. Needs root and built programs (`npm run build`).
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { HttpClient, loadKubeconfig } from '../../../client/index.ts';
import { agentUid, gid, HelperHome, spawnHelper, unavailable, volumeOwner } from '../helper/fixture.ts';

const dist = join(import.meta.dirname, '../../..');
const built = [
  'bin/runi-agent',
  'libexec/runi-exchange',
  'libexec/runi-slice',
  'libexec/runi-helper',
  'libexec/runi-init',
];

/** Why these tests cannot run here, or nothing. */
export const whyNot =
  unavailable ?? (built.every((name) => existsSync(join(dist, name))) ? undefined : 'the programs are not built');

export interface Isolated extends AsyncDisposable {
  readonly client: HttpClient;
  readonly helper: ChildProcess;
  /** A path in the writable volume `data`. */
  volume(path: string): string;
  /** Writes a file in it, as its owner. */
  write(path: string, text: string): void;
  startHelper(): Promise<void>;
}

/** An API server and a node `n1` with full isolation, ready. */
export async function openIsolated(): Promise<Isolated> {
  const api = mkdtempSync(join(tmpdir(), 'isolated-'));
  const home = new HelperHome();
  const programs = join(home.directory, 'programs');
  mkdirSync(programs, { mode: 0o755 });
  for (const name of ['bin/runi-agent', 'libexec/runi-exchange']) place(name, programs);
  place('libexec/runi-slice', join(home.directory, 'runtime'));
  home.config = home.config.replace(/^exchange=.*$/m, `exchange=${join(programs, 'runi-exchange')}`);
  const server = spawn(
    process.execPath,
    [join(dist, 'apiserver/main.js'), '--data', api, '--port', '0', '--node', 'n1'],
    {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { PATH: '/usr/bin:/bin', RUNINK_EXIT_ON_STDIN_EOF: '1' },
    },
  );
  await ready(server);
  const kubeconfig = join(home.directory, 'kubeconfig');
  copyFileSync(join(api, 'nodes/n1.kubeconfig'), kubeconfig);
  chownSync(kubeconfig, agentUid, gid);
  chmodSync(kubeconfig, 0o400);
  const client = new HttpClient(await loadKubeconfig(join(api, 'admin.kubeconfig')));
  const current = { helper: await startHelper() };

  async function startHelper(): Promise<ChildProcess> {
    const node = join(home.directory, 'runtime/node');
    const flags = ['--kubeconfig', kubeconfig, '--node', 'n1', '--state', join(home.state, 'agent')];
    const child = spawnHelper(home, [node, join(programs, 'runi-agent'), ...flags]);
    if (process.env['RUNINK_TEST_LOGS'] !== undefined) child.stderr?.pipe(process.stderr);
    else child.stderr?.resume();
    await ready(child);
    return child;
  }

  return {
    client,
    get helper() {
      return current.helper;
    },
    volume: (path) => join(home.volumes, 'data', path),
    write(path, text) {
      writeFileSync(join(home.volumes, 'data', path), text);
      chownSync(join(home.volumes, 'data', path), volumeOwner, volumeOwner);
    },
    async startHelper() {
      current.helper = await startHelper();
    },
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      for (const child of [current.helper, server]) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      home.remove();
      rmSync(api, { recursive: true, force: true });
    },
  };
}

function place(name: string, folder: string): void {
  const to = join(folder, name.slice(name.indexOf('/') + 1));
  copyFileSync(join(dist, name), to);
  chmodSync(to, 0o755);
}

async function ready(child: ChildProcess): Promise<void> {
  const lines = createInterface({ input: child.stdout as Readable });
  for await (const line of lines) if (line.includes('"ready":true')) return;
  throw new Error('a program ended before it was ready');
}
