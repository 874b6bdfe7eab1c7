// A helper as `runictl dev` starts it, whose agent is the test itself: the agent program that the helper starts only relays
// the helper's socket. Needs root.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { firstValueFrom, filter as keep, mergeMap } from 'rxjs';
import { connectHelper, type HelperSpawner } from '../../../runi-agent/helper/client.ts';
import type { LaunchRequest, SlotExit } from '../../../runi-agent/spawner.ts';

export const agentUid = 1_900_000;
export const exchangeUid = 1_900_001;
export const gid = 1_900_000;
/** Owner of the volume `data`; the volume `fixed` is read-only. */
export const volumeOwner = 1_900_100;

const logWaitMsMax = 1_000;
const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../../../..');
const programs = join(root, 'dist/libexec');

/** Why these tests cannot run here, or nothing. */
export const unavailable =
  process.getuid?.() === 0 ? undefined : 'only root can start the helper before it is installed';

/**
 * Gives the tests around it one running helper; false, with a skipped test that says why, where there can be none. Tests that
 * put another in its place name the last one.
 */
export function onHelper(take: (helper: HelperFixture) => void, last?: () => HelperFixture): boolean {
  if (unavailable !== undefined) {
    it.skip(`all of it: ${unavailable}`);
    return false;
  }
  let helper: HelperFixture | undefined;
  before(async () => {
    makeHelper();
    helper = await HelperFixture.open();
    take(helper);
  });
  after(() => (helper === undefined ? undefined : (last?.() ?? helper).close()));
  return true;
}

/** Builds the helper's programs, if they are not up to date. */
export function makeHelper(): void {
  mkdirSync(programs, { recursive: true });
  execFileSync('make', ['-s', '-C', join(root, 'runi-agent/helper'), `OUT=${programs}`], { stdio: 'inherit' });
}

/** Folders that a helper needs, below /run and /tmp, and the text of its configuration. */
export class HelperHome {
  readonly instance = `test-${randomBytes(4).toString('hex')}`;
  readonly directory = `/run/runink-${this.instance}`;
  readonly state = join(this.directory, 'state');
  readonly volumes = mkdtempSync(join(tmpdir(), 'runink-volumes-'));
  config: string;

  constructor() {
    const runtime = join(this.directory, 'runtime');
    for (const folder of [this.directory, runtime, this.state]) {
      mkdirSync(folder, { mode: 0o755 });
      chmodSync(folder, 0o755);
    }
    copyFileSync(process.execPath, join(runtime, 'node'));
    copyFileSync(join(here, 'relay.js'), join(runtime, 'relay.mjs'));
    copyFileSync(join(here, 'stand-in-exchange.js'), join(runtime, 'exchange.mjs'));
    chmodSync(this.volumes, 0o755);
    for (const name of ['data', 'fixed', 'other', 'roots']) {
      const owner = name === 'roots' ? 0 : volumeOwner;
      mkdirSync(join(this.volumes, name), { mode: 0o750 });
      chownSync(join(this.volumes, name), owner, owner);
    }
    this.config = [
      `instance=${this.instance}`,
      `runtime=${runtime}`,
      `node=${join(runtime, 'node')}`,
      `exchange=${join(runtime, 'exchange.mjs')}`,
      `state=${this.state}`,
      'uid-range=2100000-2101000',
      `volume=*:data:${join(this.volumes, 'data')}:rw`,
      `volume=*:fixed:${join(this.volumes, 'fixed')}:ro`,
      `volume=herd-3:roots:${join(this.volumes, 'roots')}:rw`,
      `volume=herd-2:other:${join(this.volumes, 'other')}:rw`,
      '',
    ].join('\n');
  }

  /** The helper where another user can reach it. */
  copyHelper(): string {
    const copy = join(this.directory, 'runi-helper');
    copyFileSync(join(programs, 'runi-helper'), copy);
    chmodSync(copy, 0o755);
    return copy;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
    rmSync(this.volumes, { recursive: true, force: true });
  }
}

/** A running helper and the test's place in it. */
export class HelperFixture {
  readonly home: HelperHome;
  readonly process: ChildProcess;
  readonly spawner: HelperSpawner;
  readonly relay: Socket;
  /** What the helper and its children said. */
  readonly said: string[];
  readonly herdUid = 'herd-1';
  readonly #servers: Server[] = [];
  readonly #logEnds = new Map<string, Promise<void>>();
  readonly #logs = new Map<string, Buffer[]>();
  #slots = 0;

  constructor(home: HelperHome, process: ChildProcess, spawner: HelperSpawner, relay: Socket, said: string[]) {
    this.home = home;
    this.process = process;
    this.spawner = spawner;
    this.relay = relay;
    this.said = said;
  }

  static async open(home = new HelperHome()): Promise<HelperFixture> {
    const { process, relay, said } = await startHelper(home);
    const spawner = await connectHelper({ socket: relay });
    const fixture = new HelperFixture(home, process, spawner, relay, said);
    // A slot's log and its end come on different sockets, and the test wants the log first.
    const exits$ = spawner.exits$.pipe(mergeMap((exit) => fixture.#whole(exit)));
    Object.defineProperty(spawner, 'exits$', { value: exits$ });
    return fixture;
  }

  async #whole(exit: SlotExit): Promise<SlotExit> {
    const none = new Promise((resolve) => setTimeout(resolve, logWaitMsMax).unref()); // killed before it had a log
    await Promise.race([this.#logEnds.get(exit.slot), none]);
    return exit;
  }

  volume(name: string): string {
    return join(this.home.volumes, name);
  }

  /** Makes the slot's directories of agent and exchange, with a log socket that the test reads. */
  async prepare(slot: string): Promise<void> {
    const agent = this.spawner.agentDirectory(slot);
    const exchange = join(this.home.state, 'exchange', slot);
    for (const [folder, uid] of [
      [agent, agentUid],
      [exchange, exchangeUid],
    ] as const) {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true, mode: 0o755 });
      chownSync(folder, uid, gid);
    }
    const chunks: Buffer[] = [];
    this.#logs.set(slot, chunks);
    const server = createServer((socket) => socket.on('data', (chunk) => chunks.push(Buffer.from(chunk))));
    this.#logEnds.set(
      slot,
      new Promise((resolve) => {
        server.once('connection', (socket: Socket) => socket.once('close', () => resolve()));
      }),
    );
    this.#servers.push(server);
    server.listen(join(exchange, 'log.sock'));
    await once(server, 'listening');
    chmodSync(join(exchange, 'log.sock'), 0o622);
  }

  /** For a test that serves the slot's log itself. */
  forgetLog(slot: string): void {
    this.#logEnds.delete(slot);
  }

  /** What came to the slot's log, a frame a line, as STREAM:text. */
  logOf(slot: string): string {
    return readFrames(Buffer.concat(this.#logs.get(slot) ?? []));
  }

  request(argv: readonly string[], more: Partial<LaunchRequest> = {}): LaunchRequest {
    return {
      slot: `slot-${++this.#slots}`,
      herdUid: this.herdUid,
      argv,
      env: { PATH: '/usr/bin:/bin' },
      stdin: 'null',
      stdout: 'log',
      limits: { memoryBytesMax: 128 << 20, cpuMillis: 1000, pidsMax: 32 },
      volumes: [],
      staging: [],
      edgesIn: [],
      edgesOut: [],
      secrets: [],
      fullProc: false,
      ...more,
    };
  }

  exitOf(slot: string): Promise<SlotExit> {
    const exit = firstValueFrom(this.spawner.exits$.pipe(keep((each) => each.slot === slot)));
    exit.catch(() => {});
    return exit;
  }

  /** Launches and waits for the end. */
  async run(argv: readonly string[], more: Partial<LaunchRequest> = {}): Promise<SlotExit & { readonly log: string }> {
    const request = this.request(argv, more);
    await this.prepare(request.slot);
    const exit = this.exitOf(request.slot);
    await this.spawner.launch(request);
    const ended = await exit;
    return { ...ended, log: this.logOf(request.slot) };
  }

  /** Runs a shell script in a slice and returns its standard output; fails unless it exits with 0. */
  async sh(script: string, more: Partial<LaunchRequest> = {}): Promise<string> {
    const { exitCode, log } = await this.run(['/bin/sh', '-c', script], more);
    if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${log}`);
    return log.replace(/^1:/gm, '');
  }

  /** Launches a shell that stays, and returns its slot. */
  async stay(script: string, more: Partial<LaunchRequest> = {}): Promise<{ slot: string; pid: number }> {
    const request = this.request(['/bin/sh', '-c', script], more);
    await this.prepare(request.slot);
    const { pid } = await this.spawner.launch(request);
    return { slot: request.slot, pid };
  }

  /** Ends the helper, and removes its folders unless they are kept for another. */
  async close({ keep: keepFolders = false } = {}): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const exit = once(this.process, 'exit');
      await this.spawner.close();
      await exit;
    }
    for (const server of this.#servers) server.close();
    if (!keepFolders) this.home.remove();
  }
}

/** Starts a helper and waits for its relay, or for its end (then `relay` is a closed socket's promise rejected). */
export async function startHelper(
  home: HelperHome,
): Promise<{ readonly process: ChildProcess; readonly relay: Socket; readonly said: string[] }> {
  const path = join(home.directory, 'test.sock');
  rmSync(path, { force: true });
  const server = createServer({ allowHalfOpen: false });
  server.listen(path);
  await once(server, 'listening');
  chmodSync(path, 0o666);
  const said: string[] = [];
  const child = spawnHelper(home, [
    join(home.directory, 'runtime/node'),
    join(home.directory, 'runtime/relay.mjs'),
    path,
  ]);
  child.stdout?.on('data', (bytes: Buffer) => said.push(String(bytes)));
  child.stderr?.on('data', (bytes: Buffer) => said.push(String(bytes)));
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the helper ended at its start: ${said.join('')}`);
  });
  ended.catch(() => {});
  try {
    const [relay] = (await Promise.race([once(server, 'connection'), ended])) as [Socket];
    return { process: child, relay, said };
  } finally {
    server.close();
  }
}

/** Starts a helper with the configuration on descriptor 3. */
export function spawnHelper(home: HelperHome, agent: readonly string[]): ChildProcess {
  writeFileSync(join(home.directory, 'config'), home.config);
  const shell = 'exec 3<"$1"; shift; exec "$@"';
  const options = ['--agent-uid', agentUid, '--exchange-uid', exchangeUid, '--gid', gid].map(String);
  return spawn(
    '/bin/sh',
    [
      '-c',
      shell,
      'sh',
      join(home.directory, 'config'),
      join(programs, 'runi-helper'),
      '--config-fd',
      '3',
      ...options,
      '--',
      ...agent,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
}

/** Log frames as text, a frame a line. */
export function readFrames(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt32LE(at + 1)) {
    const line = bytes.toString('utf8', at + 5, at + 5 + bytes.readUInt32LE(at + 1));
    text += `${bytes.readUInt8(at)}:${line.endsWith('\n') ? line : `${line}\n`}`;
  }
  return text;
}
