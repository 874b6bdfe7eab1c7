// All logs of this node by run, step and attempt. Those of slots that have ended stay until the bounds are reached; then
// the ones that ended first go.
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ApiError } from '../../apis/index.ts';
import { LogFiles } from './log-files.ts';
import type { LogId, LogQuery } from './requests.ts';

/** Finished logs kept, in bytes and in number. */
export const finishedBytesMax = 256 * 1024 * 1024;
export const finishedLogsMax = 10_000;

/** All logs of a node, live and finished, within a budget. */
export class LogStore {
  readonly #directory: string;
  readonly #live = new Map<string, LogFiles>();
  /** Bytes of each finished log by its place, first ended first. */
  readonly #finished = new Map<string, number>();
  #finishedBytes = 0;

  /** Takes over what an earlier exchange left in `directory`. */
  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const found = [...placesBelow(directory)].sort((a, b) => a.changedMs - b.changedMs);
    for (const { place } of found) this.#keep(place, LogFiles.openFinished(join(directory, place)).bytes);
  }

  /** The log of an attempt, to append to. */
  open(id: LogId): LogFiles {
    const place = placeOf(id);
    const known = this.#live.get(place);
    if (known !== undefined) return known;
    this.#drop(place);
    const files = LogFiles.openLive(join(this.#directory, place));
    this.#live.set(place, files);
    return files;
  }

  /** Ends the log of an attempt; it can still be read. */
  finish(id: LogId): void {
    const place = placeOf(id);
    const files = this.#live.get(place);
    if (files === undefined) return;
    this.#live.delete(place);
    files.finish();
    this.#keep(place, files.bytes);
    this.#evict();
  }

  /** The log asked for; throws ApiError NotFound. */
  find(query: LogQuery): LogFiles {
    const attempt = query.attempt ?? this.#newest(query);
    const place = attempt === undefined ? undefined : placeOf({ ...query, attempt });
    const live = place === undefined ? undefined : this.#live.get(place);
    if (live !== undefined) return live;
    if (place === undefined || !this.#finished.has(place))
      throw new ApiError('NotFound', `this node has no log of step "${query.step}" of this run`);
    return LogFiles.openFinished(join(this.#directory, place));
  }

  #newest({ runUID, step }: LogQuery): number | undefined {
    const folder = join(this.#directory, runUID, step);
    return existsSync(folder) ? Math.max(...readdirSync(folder).map(Number)) : undefined;
  }

  #keep(place: string, bytes: number): void {
    this.#finished.set(place, bytes);
    this.#finishedBytes += bytes;
  }

  #drop(place: string): void {
    this.#finishedBytes -= this.#finished.get(place) ?? 0;
    this.#finished.delete(place);
  }

  #evict(): void {
    for (const place of this.#finished.keys()) {
      if (this.#finishedBytes <= finishedBytesMax && this.#finished.size <= finishedLogsMax) return;
      this.#drop(place);
      const folder = join(this.#directory, place);
      rmSync(folder, { recursive: true, force: true });
      for (const parent of [dirname(folder), dirname(dirname(folder))]) {
        if (readdirSync(parent).length > 0) break;
        rmdirSync(parent);
      }
    }
  }
}

function placeOf({ runUID, step, attempt }: LogId): string {
  return join(runUID, step, String(attempt));
}

function* placesBelow(directory: string): Generator<{ readonly place: string; readonly changedMs: number }> {
  for (const run of readdirSync(directory))
    for (const step of readdirSync(join(directory, run)))
      for (const attempt of readdirSync(join(directory, run, step))) {
        const place = join(run, step, attempt);
        yield { place, changedMs: statSync(join(directory, place)).mtimeMs };
      }
}
