import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { execPath } from 'node:process';
import { present, sleep, systemClock } from '../../../../base/index.ts';
import type { VictimKind } from './victim.ts';
import type { Said } from './workload.ts';

const answerMsMax = 240_000;

/** One life of a victim. */
export class Victim {
  readonly #what: string;
  readonly #saidFile: string;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #answered: Promise<unknown>;
  #stderr = '';

  /** Starts one on a directory; `what` names it in errors. */
  constructor(
    {
      program,
      directory,
      kind,
      through = [],
    }: {
      readonly program: string;
      readonly directory: string;
      readonly kind: VictimKind;
      /** A command that starts it. */
      readonly through?: readonly string[];
    },
    what: string,
  ) {
    this.#what = what;
    this.#saidFile = `${directory}.said`;
    const stdout = openSync(this.#saidFile, 'w');
    const [command, ...args] = [...through, execPath, program, directory, kind];
    this.#child = spawn(command, args, { stdio: ['pipe', stdout, 'pipe', 'pipe'] });
    closeSync(stdout);
    this.#closed = once(this.#child, 'close');
    this.#answered = once(present(this.#child.stdio[3], 'descriptor 3'), 'data');
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-10_000);
    });
  }

  /** Resolves when it has its first answer, or has ended. Throws when neither comes in time. */
  async answered(): Promise<void> {
    const late = Symbol('late');
    const abort = new AbortController();
    const waiting = sleep(systemClock, answerMsMax, abort.signal).then(() => late);
    const first = await Promise.race([this.#answered, this.#closed, waiting]);
    abort.abort();
    if (first !== late) return;
    this.#child.kill('SIGKILL');
    await this.#closed;
    throw this.#fault(`no write was answered in ${answerMsMax} ms`);
  }

  /** Kills it so much later. Resolves with all it said; throws when it had ended by itself. */
  async killAfter(delayMs: number): Promise<readonly Said[]> {
    await sleep(systemClock, delayMs);
    this.#child.kill('SIGKILL');
    await this.#closed;
    if (this.#child.signalCode !== 'SIGKILL') throw this.#fault('the victim ended by itself');
    return this.#said();
  }

  /** Resolves with all it said, and its exit code and last words, once it has ended by itself. */
  async endedByItself(): Promise<{
    readonly said: readonly Said[];
    readonly code: number | null;
    readonly words: string;
  }> {
    await this.#closed;
    return { said: this.#said(), code: this.#child.exitCode, words: this.#stderr };
  }

  /** A line that is cut off was not said: its write never returned. */
  #said(): readonly Said[] {
    const lines = readFileSync(this.#saidFile, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Said);
  }

  #fault(fault: string): Error {
    const { exitCode, signalCode } = this.#child;
    const words = this.#stderr === '' ? 'without a word' : `and said:\n${this.#stderr}`;
    const last = JSON.stringify(this.#said().slice(-3));
    return new Error(`${this.#what}: ${fault}: code ${exitCode}, signal ${signalCode}, after ${last}, ${words}`);
  }
}
