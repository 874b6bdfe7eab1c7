// runictl in this process against a real API server: what it prints and how it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { exitOnStdinEofVariable, present, systemClock, systemRandom } from '../../../base/index.ts';
import { HttpClient, loadKubeconfig } from '../../../client/index.ts';
import { run, type Terminal } from '../../../runictl/index.ts';

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one command line; `input` is its stdin, `signal` its Ctrl-C, `heard` is told what stdout has so far. */
export type Runictl = (
  argv: readonly string[],
  options?: { readonly input?: string; readonly signal?: AbortSignal; readonly heard?: (out: string) => void },
) => Promise<Outcome>;

export interface Server {
  readonly kubeconfig: string;
  readonly directory: string;
  readonly client: HttpClient;
  readonly runictl: Runictl;
  stop(options?: { readonly isKept?: boolean }): Promise<void>;
  /** kill -9, if it still runs; the folder stays. */
  kill(): Promise<void>;
  /** Pauses its process, or lets it go on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
}

const dist = fileURLToPath(new URL('../../../', import.meta.url));
const readyMsMax = 30_000;

/** A folder for a server and for what runictl makes. */
export const freshFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'runictl-'));

/** Starts an API server on a free port, and a fresh folder unless it gets one; `stop` removes it unless it is to stay. */
export async function startServer(
  options: { readonly directory?: string; readonly flags?: readonly string[] } = {},
): Promise<Server> {
  const directory = options.directory ?? (await freshFolder());
  const argv = ['--data', directory, '--port', '0', ...(options.flags ?? [])];
  const child = spawn(process.execPath, [join(dist, 'bin/runink-apiserver'), ...argv], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] ?? '', [exitOnStdinEofVariable]: '1', RUNINK_LOG_LEVEL: 'error' },
  });
  await ready(child);
  const kubeconfig = join(directory, 'admin.kubeconfig');
  const client = new HttpClient(await loadKubeconfig(kubeconfig));
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    client[Symbol.dispose]();
    if (child.exitCode !== null || child.signalCode !== null) return;
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    child.kill(signal);
    await closed;
  };
  return {
    kubeconfig,
    directory,
    client,
    runictl: runictlIn(kubeconfig, directory),
    kill: () => end('SIGKILL'),
    signal: (name) => void child.kill(name),
    async stop({ isKept = false } = {}) {
      await end('SIGTERM');
      if (!isKept) await rm(directory, { recursive: true, force: true });
    },
  };
}

/** runictl in this process, in a folder, with a kubeconfig. */
export function runictlIn(kubeconfig: string, directory: string): Runictl {
  return async (argv, { input = '', signal = new AbortController().signal, heard } = {}) => {
    let out = '';
    let err = '';
    const terminal: Terminal = {
      env: { KUBECONFIG: kubeconfig },
      cwd: directory,
      isInteractive: false,
      hasColour: false,
      columns: () => 120,
      out(text) {
        out += typeof text === 'string' ? text : Buffer.from(text).toString('utf8');
        heard?.(out);
        return Promise.resolve();
      },
      err: (text) => void (err += text),
      readStdin: () => Promise.resolve(input),
      signal,
      clock: systemClock,
      random: systemRandom,
    };
    const code = await run(argv, terminal, dist);
    return { code, out, err };
  };
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the API server was not ready after ${readyMsMax} ms`)),
      readyMsMax,
    );
    createInterface({ input: present(child.stdout, 'stdout') }).once('line', () => {
      clearTimeout(timer);
      resolve();
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      reject(new Error(`the API server ended with ${code ?? 'a signal'}`));
    });
  });
}
