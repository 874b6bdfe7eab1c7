// What group attempts came to on this node, kept beyond the store's own memory: a store that was restored from an older copy
// asks for them again, and gets the same answer instead of a second run.
import { appendFile, readFile, rename, writeFile } from 'node:fs/promises';
import type { Log } from '../base/index.ts';
import type { FinalStatus } from './judge.ts';

/** The newest that are kept; older ones would run again when a restored store asks for them. */
export const endingsMax = 2_000;

/** By step. */
export type Ending = ReadonlyMap<string, FinalStatus>;

/** Endings by attempt (`attemptId`), in a file of JSON lines. Not synced: a power loss may take the last ones. */
export class Endings {
  readonly #path: string;
  readonly #log: Log;
  readonly #endings: Map<string, Ending>;
  #lines: number;
  #last: Promise<void> = Promise.resolve();

  private constructor(path: string, log: Log, endings: Map<string, Ending>, lines: number) {
    this.#path = path;
    this.#log = log;
    this.#endings = endings;
    this.#lines = lines;
  }

  /** Reads those of a former life; a line that cannot be read (the last of a crash) is left out, with a warning. */
  static async open(path: string, log: Log): Promise<Endings> {
    const text = await readFile(path, 'utf8').catch((cause: unknown) => {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return '';
      throw cause;
    });
    const lines = text.split('\n').filter((line) => line !== '');
    const parsed = lines.slice(-endingsMax).map(parseLine);
    const unread = parsed.filter((ending) => ending === undefined).length;
    if (unread > 0)
      log.warn('what some groups came to cannot be read, and they may run again after a restore', { path, unread });
    const endings = new Map(parsed.filter((ending) => ending !== undefined));
    const opened = new Endings(path, log, endings, lines.length);
    // Also after a torn last line, which the next one must not be joined to.
    if (lines.length > endings.size || (text !== '' && !text.endsWith('\n'))) await opened.#rewrite();
    return opened;
  }

  get(attempt: string): Ending | undefined {
    return this.#endings.get(attempt);
  }

  /** The attempts that ended here, oldest first. */
  get attempts(): readonly string[] {
    return [...this.#endings.keys()];
  }

  /** Resolves when it is written; a disk that refuses is logged: what has ended has ended. */
  put(attempt: string, ending: Ending): Promise<void> {
    this.#endings.set(attempt, ending);
    for (const oldest of this.#endings.keys()) {
      if (this.#endings.size <= endingsMax) break;
      this.#endings.delete(oldest);
    }
    this.#last = this.#last
      .then(() =>
        ++this.#lines > 2 * endingsMax
          ? this.#rewrite()
          : appendFile(this.#path, lineOf(attempt, ending), { mode: 0o600 }),
      )
      .catch((cause: unknown) =>
        this.#log.warn('what a group came to was not kept', { attempt, error: String(cause) }),
      );
    return this.#last;
  }

  async #rewrite(): Promise<void> {
    const next = `${this.#path}.new`;
    const text = [...this.#endings].map(([attempt, ending]) => lineOf(attempt, ending)).join('');
    await writeFile(next, text, { mode: 0o600 });
    await rename(next, this.#path);
    this.#lines = this.#endings.size;
  }
}

function lineOf(attempt: string, ending: Ending): string {
  return `${JSON.stringify({ attempt, steps: Object.fromEntries(ending) })}\n`;
}

function parseLine(line: string): [string, Ending] | undefined {
  try {
    const { attempt, steps } = JSON.parse(line) as { readonly attempt?: unknown; readonly steps?: unknown };
    if (typeof attempt !== 'string' || typeof steps !== 'object' || steps === null) return undefined;
    return [attempt, new Map(Object.entries(steps as Record<string, FinalStatus>))];
  } catch {
    return undefined;
  }
}
