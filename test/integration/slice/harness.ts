// Runs the real runi-slice program over a real control socket, as the agent would.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { schemaHash } from '../../../lang/contracts/index.ts';
import {
  type ContractSpec,
  type Counters,
  decodeCounters,
  decodeResult,
  encodeFrame,
  FrameReader,
  frameType,
  type InputSpec,
  type OutputSpec,
  type SliceResult,
  type SliceSpec,
  sliceFrameBytesMax,
} from '../../../runi-slice/protocol/index.ts';

const compiled = fileURLToPath(new URL('../../../runi-slice/main.js', import.meta.url));

/** For machines that are busy: a slice starts in 100 ms alone, in some seconds beside others. */
export const testTimeoutMs = 60_000;

let bundled: string | undefined;

/** The program in one file, as it is shipped; under coverage as it was compiled. */
export function sliceProgram(): string {
  if (process.env['NODE_V8_COVERAGE'] !== undefined) return compiled;
  if (bundled !== undefined) return bundled;
  const folder = mkdtempSync(join(tmpdir(), 'runink-slice-program-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  bundled = join(folder, 'runi-slice.mjs');
  buildSync({
    entryPoints: [compiled],
    outfile: bundled,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
  return bundled;
}

/** A slice that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly counters: readonly Counters[];
  readonly said: { readonly hello: boolean };
  /** Its result, exit code and stderr when it has ended. */
  readonly ended: Promise<Ended>;
  cancel(): void;
  /** Closes the control connection, as a dying agent does. */
  abandon(): void;
}

export interface Ended {
  readonly result: SliceResult | undefined;
  readonly code: number | null;
  readonly stderr: string;
  /** Peak resident set, bytes, as last seen; 0 when it was too short to be seen. */
  readonly peakBytes: number;
}

/** A folder that goes away, with slices in it. */
export class Bench implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'runink-slice-'));
  readonly #children: ChildProcess[] = [];
  #next = 0;

  path(name: string): string {
    return join(this.folder, name);
  }

  fifo(name: string): string {
    execFileSync('mkfifo', [this.path(name)]);
    return this.path(name);
  }

  file(name: string, format: 'ndjson' | 'json' | 'csv' | 'text' = 'ndjson') {
    return {
      kind: 'file',
      name,
      path: this.path(name),
      uri: `file://data/${name}`,
      format,
    } as const satisfies OutputSpec & InputSpec;
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  lines(name: string): unknown[] {
    return this.read(name)
      .split('\n')
      .filter((line) => line !== '')
      .map((line): unknown => JSON.parse(line));
  }

  /** A spec with what tests do not care about filled in. */
  spec(part: Partial<SliceSpec> & Pick<SliceSpec, 'use'>): SliceSpec {
    return {
      herd: 'flights',
      pipeline: 'delays',
      run: 'delays-1',
      step: 'tested',
      slice: 'delays-1-tested-0',
      attempt: 1,
      with: {},
      inputs: [this.file('in.ndjson')],
      outputs: [this.file('out.ndjson')],
      deadLetters: { path: this.path('dead.ndjson') },
      parameters: {},
      secrets: this.path('secrets'),
      memoryBytesMax: 128 * 1024 * 1024,
      recordBytesMax: 1024 * 1024,
      ...part,
    };
  }

  async run(spec: SliceSpec, options: { readonly timeoutMs?: number } = {}): Promise<Ended> {
    return (await this.start(spec, options)).ended;
  }

  async start(spec: SliceSpec, options: { readonly timeoutMs?: number } = {}): Promise<Running> {
    const path = this.path(`control-${this.#next++}.sock`);
    const server = createServer();
    server.listen(path);
    await once(server, 'listening');
    const child = spawn(process.execPath, [sliceProgram(), '--control', path], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#children.push(child);
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const counters: Counters[] = [];
    const said = { hello: false };
    let result: SliceResult | undefined;
    let socket: Socket | undefined;
    server.once('connection', (connected) => {
      server.close();
      socket = connected;
      connected.on('error', () => undefined);
      connected.write(encodeFrame(frameType.spec, Buffer.from(JSON.stringify(spec))));
      const frames = new FrameReader(sliceFrameBytesMax);
      connected.on('data', (chunk: Buffer) => {
        for (const frame of frames.push(chunk)) {
          if (frame.type === frameType.hello) said.hello = true;
          if (frame.type === frameType.counters) counters.push(decodeCounters(frame.payload));
          if (frame.type === frameType.result) result = decodeResult(frame.payload);
        }
      });
    });
    // A slice that hangs or spins must not outlive its test.
    const watchdog = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? testTimeoutMs - 5000);
    const peak = followPeak(child.pid ?? 0);
    const ended = new Promise<Ended>((resolve) => {
      child.once('close', (code) => {
        clearTimeout(watchdog);
        server.close();
        setImmediate(() => resolve({ result, code, stderr, peakBytes: peak() }));
      });
    });
    return {
      child,
      counters,
      said,
      ended,
      cancel: () => void socket?.write(encodeFrame(frameType.cancel, Buffer.alloc(0))),
      abandon: () => void socket?.destroy(),
    };
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function followPeak(pid: number): () => number {
  let peakBytes = 0;
  const look = setInterval(() => {
    try {
      const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
      if (found !== null) peakBytes = Math.max(peakBytes, Number(found[1]) * 1024);
    } catch {
      clearInterval(look);
    }
  }, 20);
  look.unref();
  return () => {
    clearInterval(look);
    return peakBytes;
  };
}

/** The contract with the hash that a plan would record. */
export function hashed(contract: Omit<ContractSpec, 'schemaHash'>): ContractSpec {
  return { ...contract, schemaHash: schemaHash(contract) };
}
