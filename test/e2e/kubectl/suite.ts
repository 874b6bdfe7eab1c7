// One API server for a file of checks, and the real kubectls against it: 1.20 of Debian, 1.35 of npm. Each check runs with both
// at the same time, each in a herd of its own and with a home of its own, since they share no cache of discovery.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { exitOnStdinEofVariable, present } from '../../../base/index.ts';
import { checkout, type Outcome, run } from '../../support/cluster.ts';

export type Version = '1.20' | '1.35';

/** JSON as checks read it: every path may be asked for. */
export interface Json {
  readonly [field: string]: Json;
}

/** Runs one command line; the words are kubectl's arguments. */
export interface Commands {
  run(...words: readonly string[]): Promise<Outcome>;
  /** What it printed; fails unless it ended with 0. */
  ok(...words: readonly string[]): Promise<string>;
  /** What it complained of; fails unless it ended with 1. */
  fails(...words: readonly string[]): Promise<string>;
}

/** One kubectl with a herd of its own, `tag`, in which its commands are carried out. */
export interface Kubectl extends Commands {
  readonly version: Version;
  readonly isOld: boolean;
  /** `v120` or `v135`: its herd, and an ending for names that are not in one. */
  readonly tag: string;
  /** A folder for files; commands run in it. */
  readonly folder: string;
  /** The same with `text` on stdin, e.g. for `-f -`. */
  feed(text: string): Commands;
  /** The same with more environment, e.g. KUBE_EDITOR. */
  with(environment: Readonly<Record<string, string>>): Commands;
  /** Writes a file into its folder and returns its path. */
  file(name: string, text: string): Promise<string>;
  /** What delete prints of one object: newer ones name the herd. */
  deleted(resource: string, ...names: readonly string[]): string;
  /** A command that goes on, e.g. get -w: its lines as they come. It ends with the check. */
  start(...words: readonly string[]): Running;
}

/** A command that goes on. */
export interface Running {
  readonly lines: readonly string[];
  /** Resolves when its lines, or its complaints, are as `holds` wants; rejects at the deadline with what they are. */
  until(holds: (lines: readonly string[], complaints: string) => boolean): Promise<readonly string[]>;
  /** Its exit code and all it printed, when it ends by itself. */
  readonly ended: Promise<Outcome>;
}

/** The server of a file of checks. */
export interface SuiteServer {
  readonly url: string;
  readonly folder: string;
  /** GET as cluster admin, without kubectl: the state that a command left. The code of a failure is in `code`. */
  read(path: string): Promise<Json>;
  /** Any other method. */
  send(method: string, path: string, body: unknown, type?: string): Promise<Json>;
}

type Check = (kubectl: Kubectl, server: SuiteServer) => Promise<void>;

export interface Suite {
  /** A check with every kubectl. */
  readonly check: (title: string, body: Check) => void;
  /** One of a verb or flag that only the newer kubectl has. */
  readonly checkNew: (title: string, body: Check) => void;
  /** Done once with every kubectl before the checks. */
  readonly setUp: (body: Check) => void;
}

const versions: readonly Version[] = ['1.20', '1.35'];
const deadlineMs = 20_000;
const checkMsMax = 60_000;
const pathOf = (version: Version): string => join(checkout, `.cache/kubectl-${version}/kubectl`);

/** A group of checks over one server, which starts with `flags`. */
export function kubectls(title: string, body: (suite: Suite) => void, flags: readonly string[] = []): void {
  describe(`kubectl: ${title}`, function () {
    this.timeout(checkMsMax);
    const found = versions.filter((version) => existsSync(pathOf(version)));
    let server: Server;
    let clients: readonly Client[] = [];
    before(async () => {
      server = await Server.start(flags);
      clients = await Promise.all(found.map((version) => Client.open(version, server)));
    });
    after(() => server?.stop());
    for (const version of versions)
      if (!found.includes(version))
        it(`kubectl ${version}: hack/setup could not fetch it`, function () {
          this.skip();
        });

    const each = async (wanted: readonly Version[], check: Check): Promise<void> => {
      const chosen = clients.filter((client) => wanted.includes(client.version));
      const outcomes = await Promise.allSettled(chosen.map((client) => client.through(check, server)));
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome.status === 'rejected') throw told(outcome.reason, present(chosen[index], 'client').version);
      }
    };
    body({
      check: (name, check) => void it(name, () => each(versions, check)),
      checkNew: (name, check) => void it(`${name} (1.35)`, () => each(['1.35'], check)),
      setUp: (check) => before(() => each(versions, check)),
    });
  });
}

function told(reason: unknown, version: Version): unknown {
  if (reason instanceof Error) reason.message = `kubectl ${version}: ${reason.message}`;
  return reason;
}

class Server implements SuiteServer {
  readonly url: string;
  readonly folder: string;
  readonly kubeconfig: string;
  readonly #process: ChildProcess;
  readonly #agent: Agent;

  private constructor(process: ChildProcess, url: string, folder: string, kubeconfig: string, agent: Agent) {
    this.#process = process;
    this.url = url;
    this.folder = folder;
    this.kubeconfig = kubeconfig;
    this.#agent = agent;
  }

  static async start(flags: readonly string[]): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), 'runink-kubectl-'));
    const data = join(folder, 'data');
    const child = spawn(
      process.execPath,
      [join(checkout, 'dist/apiserver/main.js'), '--data', data, '--port', '0', ...flags],
      {
        stdio: ['pipe', 'pipe', 'ignore'],
        env: { PATH: process.env['PATH'] ?? '', [exitOnStdinEofVariable]: '1' },
      },
    );
    const lines = createInterface({ input: present(child.stdout, 'stdout') });
    const first: unknown = await Promise.race([once(lines, 'line'), once(child, 'exit')]);
    const ready = /"url":"([^"]+)"/.exec(String(first))?.[1];
    if (ready === undefined) throw new Error(`the server was not ready: ${String(first)}`);
    const pem = (name: string) => readFile(join(data, 'pki', name), 'utf8');
    const agent = new Agent({
      keepAlive: true,
      ca: await pem('ca.crt'),
      cert: await pem('admin.crt'),
      key: await pem('admin.key'),
    });
    return new Server(child, ready, folder, await readFile(join(data, 'admin.kubeconfig'), 'utf8'), agent);
  }

  read(path: string): Promise<Json> {
    return this.send('GET', path, undefined);
  }

  send(method: string, path: string, body: unknown, type = 'application/json'): Promise<Json> {
    const bytes = body === undefined ? undefined : JSON.stringify(body);
    const headers = bytes === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(bytes) };
    return new Promise((resolve, reject) => {
      const asked = request(`${this.url}${path}`, { method, agent: this.#agent, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('error', reject).on('end', () => resolve(parsed(text, response.statusCode)));
      });
      asked.on('error', reject).end(bytes);
    });
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    const [code] = (await exit) as [number | null];
    await rm(this.folder, { recursive: true, force: true });
    expect(code, 'the exit code of the server').to.equal(0);
  }
}

function parsed(text: string, code: number | undefined): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    // A path that is not served is told in plain text; checks ask for the code as that of a Status.
    return JSON.parse(JSON.stringify({ code, text })) as Json;
  }
}

class Client implements Kubectl {
  readonly version: Version;
  readonly isOld: boolean;
  readonly tag: string;
  readonly folder: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #started = new Set<ChildProcess>();

  private constructor(version: Version, folder: string) {
    this.version = version;
    this.isOld = version === '1.20';
    this.tag = `v${version.replace('.', '')}`;
    this.folder = folder;
    const scratch = { HOME: folder, TMPDIR: folder }; // What a failed edit keeps goes with the folder.
    this.#environment = { KUBECONFIG: join(folder, 'kubeconfig'), ...scratch, PATH: process.env['PATH'] ?? '' };
  }

  static async open(version: Version, server: Server): Promise<Client> {
    const client = new Client(version, join(server.folder, version));
    await mkdir(client.folder);
    await client.file('kubeconfig', server.kubeconfig.replace('namespace: default', `namespace: ${client.tag}`));
    const herd = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: client.tag } };
    expect(await server.send('POST', '/api/v1/namespaces', herd)).to.have.property('kind', 'Namespace');
    return client;
  }

  /** Runs one check, and ends what it started. */
  async through(check: Check, server: Server): Promise<void> {
    try {
      await check(this, server);
    } finally {
      for (const child of this.#started) {
        child.kill('SIGKILL');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      }
      this.#started.clear();
    }
  }

  run(...words: readonly string[]): Promise<Outcome> {
    return this.#run(words);
  }
  ok(...words: readonly string[]): Promise<string> {
    return commands((argv) => this.#run(argv)).ok(...words);
  }
  fails(...words: readonly string[]): Promise<string> {
    return commands((argv) => this.#run(argv)).fails(...words);
  }
  feed(input: string): Commands {
    return commands((argv) => this.#run(argv, { input }));
  }
  with(environment: Readonly<Record<string, string>>): Commands {
    return commands((argv) => this.#run(argv, { environment }));
  }

  async file(name: string, text: string): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, text);
    return path;
  }

  deleted(resource: string, ...names: readonly string[]): string {
    const where = this.isOld ? '' : ` from ${this.tag} namespace`;
    return names.map((name) => `${resource} "${name}" deleted${where}\n`).join('');
  }

  start(...words: readonly string[]): Running {
    const child = spawn(pathOf(this.version), words, {
      env: this.#environment,
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#started.add(child);
    const lines: string[] = [];
    let stdout = '';
    let stderr = '';
    let look: () => void = () => undefined;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      lines.splice(0, lines.length, ...stdout.split('\n').slice(0, -1));
      look();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      look();
    });
    const ended = once(child, 'close').then(
      ([code]): Outcome => ({ code: typeof code === 'number' ? code : null, stdout, stderr }),
    );
    const until: Running['until'] = (holds) =>
      new Promise<readonly string[]>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`${words.join(' ')}: only ${JSON.stringify(lines)} ${stderr}`)),
          deadlineMs,
        );
        look = () => {
          if (!holds(lines, stderr)) return;
          clearTimeout(timer);
          look = () => undefined;
          resolve(lines);
        };
        look();
      });
    return { lines, until, ended };
  }

  #run(
    words: readonly string[],
    more: { readonly input?: string; readonly environment?: Readonly<Record<string, string>> } = {},
  ): Promise<Outcome> {
    return run(pathOf(this.version), words, {
      env: { ...this.#environment, ...more.environment },
      cwd: this.folder,
      ...(more.input === undefined ? {} : { input: more.input }),
    });
  }
}

function commands(start: (words: readonly string[]) => Promise<Outcome>): Commands {
  const ending = async (words: readonly string[], code: number): Promise<Outcome> => {
    const outcome = await start(words);
    expect(outcome.code, `${words.join(' ')}: ${outcome.stderr}${outcome.stdout}`).to.equal(code);
    return outcome;
  };
  return {
    run: (...words) => start(words),
    ok: async (...words) => (await ending(words, 0)).stdout,
    fails: async (...words) => (await ending(words, 1)).stderr,
  };
}
