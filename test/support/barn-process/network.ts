// A network for members that can be cut: each member in a network namespace of its own, all joined by a bridge in another.
// The namespaces live as long as the processes that hold them, which end with this one; nothing is mounted or named outside.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { present } from '../../../base/index.ts';

/** Where a member is in the network. */
export interface NetworkHost {
  readonly address: string;
  /** What to put before a command so that it runs there. */
  readonly enter: readonly string[];
}

/** The hosts by name; root only. */
export class Network {
  readonly #hub: ChildProcess;
  readonly #hosts = new Map<string, NetworkHost & { readonly holder: ChildProcess }>();
  readonly #cuts = new Set<string>();

  static async open(): Promise<Network> {
    const hub = await holder();
    inside(hub, 'link', 'add', 'hub', 'type', 'bridge');
    inside(hub, 'link', 'set', 'hub', 'up');
    return new Network(hub);
  }

  private constructor(hub: ChildProcess) {
    this.#hub = hub;
  }

  /** Adds a host, with the next address. */
  async add(name: string): Promise<NetworkHost> {
    const number = this.#hosts.size + 1;
    const address = `10.77.0.${number}`;
    const host = await holder();
    inside(this.#hub, 'link', 'add', `h${number}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(host.pid));
    inside(this.#hub, 'link', 'set', `h${number}`, 'master', 'hub');
    inside(this.#hub, 'link', 'set', `h${number}`, 'up');
    inside(host, 'link', 'set', 'lo', 'up');
    inside(host, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    inside(host, 'link', 'set', 'eth0', 'up');
    const added = { address, enter: enter(host), holder: host };
    this.#hosts.set(name, added);
    return added;
  }

  /** What `from` sends to `to` is lost from now on; what comes back is not. */
  cut(from: string, to: string): void {
    if (this.#cuts.has(`${from}>${to}`)) return;
    this.#cuts.add(`${from}>${to}`);
    inside(this.#host(from).holder, 'route', 'add', 'blackhole', `${this.#host(to).address}/32`);
  }

  /** Cuts `name` off from all others, both ways. */
  isolate(name: string): void {
    for (const other of this.#hosts.keys()) {
      if (other === name) continue;
      this.cut(name, other);
      this.cut(other, name);
    }
  }

  /** Everything arrives again. */
  heal(): void {
    for (const cut of this.#cuts) {
      const [from = '', to = ''] = cut.split('>');
      inside(this.#host(from).holder, 'route', 'del', 'blackhole', `${this.#host(to).address}/32`);
    }
    this.#cuts.clear();
  }

  async close(): Promise<void> {
    for (const process of [...[...this.#hosts.values()].map((host) => host.holder), this.#hub]) {
      const ended = once(process, 'exit');
      process.stdin?.end();
      await ended;
    }
  }

  #host(name: string): NetworkHost & { readonly holder: ChildProcess } {
    return present(this.#hosts.get(name), `a host named ${name}`);
  }
}

/** A process in a network namespace of its own that ends when its stdin does. */
async function holder(): Promise<ChildProcess> {
  const process = spawn('unshare', ['--net', 'sh', '-c', 'echo ready; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(present(process.stdout, 'stdout'), 'data');
  return process;
}

function enter(process: ChildProcess): readonly string[] {
  return ['nsenter', '-t', String(process.pid), '-n'];
}

function inside(process: ChildProcess, ...args: readonly string[]): void {
  const [command = '', ...rest] = [...enter(process), 'ip', ...args];
  execFileSync(command, rest, { stdio: ['ignore', 'ignore', 'pipe'] });
}
