// Options as commander parsed them, read with their types. A wrong type is a bug in program.ts, not of the user.
import { UsageError } from './failure.ts';
import { parseDurationMs } from './print/duration.ts';

/** Options by name, as commander gives them. */
export type Options = Readonly<Record<string, unknown>>;

/** A text option, or undefined. */
export function textOption(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

/** Whether a switch is on. */
export function isOn(options: Options, name: string): boolean {
  return options[name] === true;
}

/** An option that can be repeated; [] when absent. */
export function listOption(options: Options, name: string): readonly string[] {
  const value = options[name];
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** A whole number ≥ 0, or undefined. Errors: UsageError. */
export function numberOption(options: Options, name: string): number | undefined {
  const value = textOption(options, name);
  if (value === undefined) return undefined;
  if (!/^\d+$/.test(value)) throw new UsageError(`--${kebab(name)}: "${value}" is no whole number`);
  return Number(value);
}

/** A duration in milliseconds, or undefined. Errors: UsageError. */
export function durationOption(options: Options, name: string): number | undefined {
  const value = textOption(options, name);
  if (value === undefined) return undefined;
  const durationMs = parseDurationMs(value);
  if (durationMs === undefined)
    throw new UsageError(`--${kebab(name)}: "${value}" is no duration; write e.g. 30s or 5m`);
  return durationMs;
}

/** --dry-run. */
export function dryRunOption(options: Options): 'none' | 'client' | 'server' {
  const value = options['dryRun'];
  return value === 'client' || value === 'server' ? value : 'none';
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
