import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRecord } from '../values.ts';

/** A process that dev started itself. */
export interface DevProcess {
  readonly role: 'apiserver' | 'controllers' | 'helper' | 'agent';
  readonly name: string;
  readonly pid: number;
  readonly startTicks: number;
  readonly argv: readonly string[];
  readonly url?: string;
  readonly restarts: number;
  readonly log: string;
}

/** DIR/dev.json: what a running dev is made of, so that others can look and the next one can clean up. */
export interface DevState {
  readonly pid: number;
  readonly startTicks: number;
  readonly instance: string;
  readonly isolation: 'full' | 'none';
  readonly ready: boolean;
  readonly url: string;
  readonly kubeconfig: string;
  /** Folder under /run, with full isolation. */
  readonly runtime: string;
  readonly processes: readonly DevProcess[];
}

/** What the last dev on the folder wrote, or undefined. */
export function readState(dataDir: string): DevState | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(fileOf(dataDir), 'utf8'));
    return isRecord(value) && Array.isArray(value['processes']) ? (value as unknown as DevState) : undefined;
  } catch {
    return undefined;
  }
}

/** Writes whole or not at all. */
export function writeState(dataDir: string, state: DevState): void {
  writeFileSync(`${fileOf(dataDir)}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${fileOf(dataDir)}.new`, fileOf(dataDir));
}

/** The folder has no dev any more. */
export function removeState(dataDir: string): void {
  rmSync(fileOf(dataDir), { force: true });
}

function fileOf(dataDir: string): string {
  return join(dataDir, 'dev.json');
}
