// A group of members, each a process with a disk of its own, on a network that can be cut; everything is gone after `close`.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { present } from '../../../base/index.ts';
import { createPeerAuthority, peerCredentials } from '../peer-certificates.ts';
import { RemoteBarn } from './client.ts';
import type { MemberOptions } from './member.ts';
import { Network, type NetworkHost } from './network.ts';
import { SmallDisk } from './small-disk.ts';

/** The member's program of this build. */
export const memberProgram = fileURLToPath(new URL('./member.js', import.meta.url));
const port = 2380;

/** What members' disks are like. */
export interface GroupDisks {
  /** Each member gets a file system of its own of this size. */
  readonly bytes: number;
  /** Bounds that such a disk allows. */
  readonly limits: MemberOptions['diskLimits'];
}

interface Placed {
  options: MemberOptions & { readonly at: string };
  program: string;
  readonly host: NetworkHost;
  readonly disk: SmallDisk | undefined;
  process: ChildProcess | undefined;
}

/** Members by name; root only, as the network is. */
export class MemberGroup {
  readonly network: Network;
  readonly folder: string;
  readonly #members: ReadonlyMap<string, Placed>;

  /**
   * Founds a group of members with these names; resolves when all serve, which may be before there is a leader. Without `disks`
   * they share the machine's.
   */
  static async found(names: readonly string[], disks?: GroupDisks): Promise<MemberGroup> {
    const folder = await mkdtemp(join(tmpdir(), 'runink-group-'));
    const network = await Network.open();
    const authority = await createPeerAuthority();
    const hosts = new Map<string, NetworkHost>();
    for (const name of names) hosts.set(name, await network.add(name));
    const initialCluster = [...hosts].map(([name, { address }]) => ({ name, peerUrl: `https://${address}:${port}` }));
    const members = new Map<string, Placed>();
    for (const [name, host] of hosts) {
      const cluster = {
        state: 'new',
        token: 'test',
        initialCluster,
        listen: { host: host.address, port },
        credentials: await peerCredentials(authority, name),
      } as const;
      const disk = disks && (await SmallDisk.open(join(folder, name), disks.bytes));
      const directory = disk === undefined ? join(folder, name) : join(folder, name, 'data');
      const options = {
        ...{ name, directory, at: join(folder, `${name}.sock`), cluster },
        ...(disks?.limits !== undefined && { diskLimits: disks.limits }),
      };
      members.set(name, { options, program: memberProgram, host, disk, process: undefined });
    }
    const group = new MemberGroup(network, folder, members);
    await Promise.all(names.map((name) => group.start(name)));
    return group;
  }

  private constructor(network: Network, folder: string, members: ReadonlyMap<string, Placed>) {
    this.network = network;
    this.folder = folder;
    this.#members = members;
  }

  get names(): readonly string[] {
    return [...this.#members.keys()];
  }

  /** Starts a member that does not run; resolves when it serves. */
  async start(name: string): Promise<void> {
    const member = this.#member(name);
    await rm(member.options.at, { force: true });
    const log = await open(join(this.folder, `${name}.log`), 'a');
    const enter: readonly string[] = [...member.host.enter, ...(member.disk?.enter ?? [])];
    const [command = '', ...entering] = enter;
    const args = [...entering, process.execPath, member.program, JSON.stringify(member.options)];
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', log.fd] });
    await log.close();
    member.process = child;
    const ended = once(child, 'close').then(() => {
      throw new Error(`${name} ended before it served: see ${this.folder}/${name}.log`);
    });
    ended.catch(() => undefined);
    await Promise.race([once(createInterface(present(child.stdout, 'stdout')), 'line'), ended]);
  }

  /** kill -9; resolves when it is dead. */
  kill(name: string): Promise<void> {
    return this.#end(name, 'SIGKILL');
  }

  /** Stops it as an operator does; resolves when it has ended. */
  stop(name: string): Promise<void> {
    return this.#end(name, 'SIGTERM');
  }

  /** Stops it where it is, or lets it go on. */
  pause(name: string): void {
    this.#member(name).process?.kill('SIGSTOP');
  }

  resume(name: string): void {
    this.#member(name).process?.kill('SIGCONT');
  }

  /** The disk of a member that does not run is lost. */
  async wipe(name: string): Promise<void> {
    const { disk, options } = this.#member(name);
    await rm(disk === undefined ? options.directory : join(disk.path, 'data'), { recursive: true, force: true });
  }

  /** From now on the member is started as one that was added to the group, not as a founder. */
  joins(name: string): void {
    const member = this.#member(name);
    const cluster = present(member.options.cluster, 'a group');
    member.options = { ...member.options, cluster: { ...cluster, state: 'existing' } };
  }

  /** From now on the member is started with this program, as after an upgrade. */
  runs(name: string, program: string): void {
    this.#member(name).program = program;
  }

  /** Where its peers find it. */
  peerUrl(name: string): string {
    const all = present(this.#member(name).options.cluster, 'a group').initialCluster;
    return present(
      all.find((member) => member.name === name),
      name,
    ).peerUrl;
  }

  /** The disk of a member, in a group that was founded with small ones. */
  disk(name: string): SmallDisk {
    return present(this.#member(name).disk, `a disk of ${name} alone`);
  }

  /** Whether the process of a member runs. */
  isUp(name: string): boolean {
    return isRunning(this.#member(name).process);
  }

  connect(name: string): Promise<RemoteBarn> {
    return RemoteBarn.connect(this.#member(name).options.at);
  }

  async close(): Promise<void> {
    await Promise.all(this.names.map((name) => this.kill(name)));
    await this.network.close();
    for (const { disk } of this.#members.values()) await disk?.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #end(name: string, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#member(name).process;
    if (!isRunning(child)) return;
    const ended = once(child, 'close');
    child.kill(signal);
    await ended;
  }

  #member(name: string): Placed {
    return present(this.#members.get(name), `a member named ${name}`);
  }
}

function isRunning(child: ChildProcess | undefined): child is ChildProcess {
  return child !== undefined && child.exitCode === null && child.signalCode === null;
}
