// A whole cluster for end-to-end tests: `runictl dev` as a user starts it, on a fresh folder and a free port, with the
// programs of this checkout; and the means to look at it. Everything is gone after `stop`.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type ApiObject, type Kind, kinds, type Ref, type Run } from '../../apis/index.ts';
import { present } from '../../base/index.ts';
import { HttpClient, loadKubeconfig } from '../../client/index.ts';

/** What a command printed and how it ended. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One process of the cluster, as `runictl dev status -o json` names it. */
export interface ClusterProcess {
  readonly role: string;
  readonly name: string;
  readonly pid: number;
  readonly argv: readonly string[];
}

export interface TestCluster {
  readonly directory: string;
  /** Name of the helper's instance: in the names of cgroups and folders. */
  readonly instance: string;
  readonly kubeconfig: string;
  /** The default volume `data`. */
  readonly dataVolume: string;
  readonly client: HttpClient;
  runictl(args: readonly string[], input?: string): Promise<Outcome>;
  kubectl(args: readonly string[], input?: string): Promise<Outcome>;
  processes(): Promise<readonly ClusterProcess[]>;
  /** Applies YAML with runictl; throws what it said when it failed. */
  apply(yaml: string): Promise<void>;
  /** The run of the pipeline's newest generation once it has ended; throws after the deadline with its status. */
  finished(pipeline: string, options?: { readonly namespace?: string; readonly deadlineMs?: number }): Promise<Run>;
  /** Removes the folder too, unless another cluster is to start on it. */
  stop(options?: { readonly isKept?: boolean }): Promise<void>;
}

const root = fileURLToPath(new URL('../../../', import.meta.url));
const readyMsMax = 60_000;
const stopMsMax = 30_000;
const commandMsMax = 60_000;

/** Root folder of the checkout. */
export const checkout = root;
/** Path of a built program, e.g. `bin/runictl`. */
export const program = (name: string): string => join(root, 'dist', name);
/** kubectl 1.35, which hack/setup fetched. */
export const kubectlPath = join(root, '.cache/kubectl-1.35/kubectl');

/**
 * Starts `runictl dev` with `args` besides --data and --port, on a fresh folder or the one of a cluster before; needs root unless
 * `--isolation none` is among them. `scratch` is where it and its programs run and keep their temporary files.
 */
export async function startCluster(
  args: readonly string[] = [],
  before?: string,
  scratch?: string,
): Promise<TestCluster> {
  const directory = before ?? (await mkdtemp(join(tmpdir(), 'runink-e2e-')));
  const child = spawn(program('bin/runictl'), ['dev', '--data', directory, '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(scratch === undefined ? {} : { cwd: scratch, env: { ...process.env, TMPDIR: scratch } }),
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await readyLine(child);
  const kubeconfig = join(directory, 'kubeconfig');
  const client = new HttpClient(await loadKubeconfig(kubeconfig));
  const env = { PATH: process.env['PATH'] ?? '', HOME: directory, KUBECONFIG: kubeconfig };
  const runictl = (argv: readonly string[], input?: string): Promise<Outcome> =>
    run(program('bin/runictl'), argv, { env, ...(input === undefined ? {} : { input }) });
  return {
    directory,
    instance: await instanceOf(directory),
    kubeconfig,
    dataVolume: join(directory, 'data'),
    client,
    runictl,
    kubectl: (argv, input) => run(kubectlPath, argv, { env, ...(input === undefined ? {} : { input }) }),
    async processes() {
      const { stdout } = await runictl(['dev', 'status', '--data', directory, '-o', 'json']);
      return parseProcesses(stdout);
    },
    async apply(yaml) {
      const outcome = await runictl(['apply', '-f', '-'], yaml);
      if (outcome.code !== 0) throw new Error(`apply failed: ${outcome.stderr}${outcome.stdout}`);
    },
    finished: (pipeline, options = {}) =>
      finishedRun(client, pipeline, options.namespace ?? 'default', options.deadlineMs ?? 60_000),
    async stop({ isKept = false } = {}) {
      client[Symbol.dispose]();
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
      await closed;
      clearTimeout(timer);
      if (!isKept) await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Runs a command to its end; never rejects because of its exit code. */
export function run(
  command: string,
  args: readonly string[],
  options: {
    readonly env?: NodeJS.ProcessEnv;
    readonly input?: string;
    readonly cwd?: string;
    readonly deadlineMs?: number;
  } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: options.env ?? process.env,
      cwd: options.cwd ?? root,
      stdio: 'pipe',
      timeout: options.deadlineMs ?? commandMsMax,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}

/** The first state of an object that `holds`, watched, not polled; throws after the deadline with the last one seen. */
export async function waitFor<T extends ApiObject>(
  client: HttpClient,
  kind: Kind<T>,
  ref: Ref,
  holds: (object: T | undefined) => boolean,
  deadlineMs = 30_000,
): Promise<T | undefined> {
  const signal = AbortSignal.timeout(deadlineMs);
  const namespace = ref.namespace === undefined ? {} : { namespace: ref.namespace };
  let last: T | undefined;
  while (!signal.aborted) {
    try {
      const events = client.watch(kind, { ...namespace, fieldSelector: `metadata.name=${ref.name}`, signal });
      for await (const event of events) {
        if (event.type === 'BOOKMARK') {
          if (event.initialEventsEnd && last === undefined && holds(undefined)) return undefined;
          continue;
        }
        last = event.type === 'DELETED' ? undefined : event.object;
        if (holds(last)) return last;
      }
    } catch (error) {
      // The server may be gone for a moment in tests that kill it.
      if (signal.aborted) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
      void error;
    }
  }
  throw new Error(
    `${kind.kind} ${ref.name} did not get there within ${deadlineMs} ms: ${JSON.stringify(last, null, 1)}`,
  );
}

async function finishedRun(client: HttpClient, pipeline: string, namespace: string, deadlineMs: number): Promise<Run> {
  const seen = await waitFor(
    client,
    kinds.pipelines,
    { namespace, name: pipeline },
    (object) =>
      object !== undefined &&
      object.status?.observedGeneration === object.metadata.generation &&
      object.status?.lastRun !== undefined,
    deadlineMs,
  );
  const name = present(seen?.status?.lastRun, 'last run');
  const isOver = (object: Run | undefined): boolean => object?.status?.completionTime !== undefined;
  return present(await waitFor(client, kinds.runs, { namespace, name }, isOver, deadlineMs), 'run');
}

function readyLine(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => {
      child.kill('SIGTERM');
      reject(new Error(`runictl dev was not ready within ${readyMsMax} ms: ${said}`));
    }, readyMsMax);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
    createInterface({ input: present(child.stdout, 'stdout') }).on('line', (line) => {
      said += `${line}\n`;
      if (!/ready/i.test(line)) return;
      clearTimeout(timer);
      resolve();
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      reject(new Error(`runictl dev ended with ${code}: ${said}`));
    });
  });
}

async function instanceOf(directory: string): Promise<string> {
  const state: unknown = JSON.parse(await readFile(join(directory, 'dev.json'), 'utf8'));
  if (typeof state !== 'object' || state === null || !('instance' in state))
    throw new Error('dev.json names no instance');
  return String(state.instance);
}

function parseProcesses(text: string): readonly ClusterProcess[] {
  const status: unknown = JSON.parse(text);
  const list: unknown =
    typeof status === 'object' && status !== null && 'processes' in status ? status.processes : status;
  if (!Array.isArray(list)) throw new Error(`runictl dev status printed no processes: ${text}`);
  return list;
}
