// The agent's command line (docs/wiring.md), checked.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { labelProblem } from '../apis/index.ts';
import type { PlainVolume } from './plain-spawner.ts';

/** What the command line says. */
export interface Flags {
  readonly kubeconfig: string;
  readonly node: string;
  readonly state: string;
  readonly isolation: 'full' | 'none';
  readonly volumes: readonly PlainVolume[];
  /** Folder of runi-exchange and runi-slice, without isolation. */
  readonly programs: string | undefined;
  readonly cpuMillis: number | undefined;
  readonly memoryBytes: number | undefined;
}

/** A command line that cannot be followed; the message names the flag. */
export class FlagError extends Error {
  override readonly name = 'FlagError';
}

/** One line for whoever typed it wrong. */
export const usage =
  'usage: runi-agent --kubeconfig FILE --node NAME --state DIR [--isolation none --volume NAME=PATH[:rw]… --programs DIR] [--cpu N] [--memory BYTES]';

/** Reads `argv` (without node and script); throws FlagError. */
export function parseFlags(argv: readonly string[]): Flags {
  const { values } = parse(argv);
  const isolation = values.isolation ?? 'full';
  if (isolation !== 'full' && isolation !== 'none')
    throw new FlagError(`--isolation ${isolation}: it is none, or absent for full isolation`);
  if (isolation === 'full' && (values.volume !== undefined || values.programs !== undefined))
    throw new FlagError('--volume and --programs go with --isolation none; else the helper’s configuration names them');
  if (isolation === 'none' && values.programs === undefined)
    throw new FlagError('--programs is required with --isolation none');
  const node = required(values.node, '--node');
  const problem = labelProblem(node);
  if (problem !== undefined) throw new FlagError(`--node ${node}: ${problem}`);
  return {
    kubeconfig: resolve(required(values.kubeconfig, '--kubeconfig')),
    node,
    state: resolve(required(values.state, '--state')),
    isolation,
    volumes: (values.volume ?? []).map(parseVolume),
    programs: values.programs === undefined ? undefined : resolve(values.programs),
    cpuMillis: values.cpu === undefined ? undefined : Math.floor(positive(values.cpu, '--cpu') * 1000),
    memoryBytes: values.memory === undefined ? undefined : Math.floor(positive(values.memory, '--memory')),
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        kubeconfig: { type: 'string' },
        node: { type: 'string' },
        state: { type: 'string' },
        isolation: { type: 'string' },
        volume: { type: 'string', multiple: true },
        programs: { type: 'string' },
        cpu: { type: 'string' },
        memory: { type: 'string' },
      },
    });
  } catch (cause) {
    throw new FlagError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function parseVolume(text: string): PlainVolume {
  const match = /^([^=]+)=(.+?)(:rw|:ro)?$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined || labelProblem(match[1]) !== undefined)
    throw new FlagError(`--volume ${text}: it is NAME=PATH or NAME=PATH:rw`);
  return { name: match[1], path: resolve(match[2]), writable: match[3] === ':rw' };
}

function required(value: string | undefined, flag: string): string {
  if (value === undefined || value === '') throw new FlagError(`${flag} is required`);
  return value;
}

function positive(text: string, flag: string): number {
  const number = Number(text);
  if (!(number > 0) || !Number.isFinite(number)) throw new FlagError(`${flag} ${text}: it is a number above 0`);
  return number;
}
