import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Batch } from '../flow/batch.ts';
import type { Fields, StepContext as SdkContext } from '../sdk.ts';
import { messageOf, SliceError } from '../slice-error.ts';
import type { StepContext } from './step.ts';

/** Secret names and keys: one path segment each. */
const secretName = /^[A-Za-z0-9][\w.-]{0,252}$/;

/** The `ctx` of user code, and our side of it: which record is present, and what became of it. */
export class ModuleContext implements SdkContext {
  readonly parameters: Fields;
  readonly secrets: SdkContext['secrets'];
  readonly log: SdkContext['log'];
  annotations = 0;
  readonly #context: StepContext;
  #batch: Batch | undefined;
  #index = 0;
  #reason: string | undefined;
  #code = 'rejected';

  constructor(context: StepContext) {
    this.#context = context;
    this.parameters = { ...context.spec.parameters, ...context.spec.with };
    this.secrets = { get: (name, key) => readSecret(context.spec.secrets, name, key) };
    this.log = { info: logAt('info'), warn: logAt('warn'), error: logAt('error') };
  }

  // Arrow functions: user code takes them apart ({ reject } = ctx).
  readonly now = (): number => this.#context.clock.now();

  readonly reject = (reason: string): null => {
    if (this.#batch === undefined) throw new Error('there is no present record to reject');
    this.#reason ??= String(reason);
    return null;
  };

  readonly annotate = (): void => {
    this.annotations++;
  };

  readonly emit = (record: unknown): void => this.give(record);

  /** The record that user code looks at from now on. */
  present(batch: Batch, index: number): void {
    this.#batch = batch;
    this.#index = index;
    this.#reason = undefined;
    this.#code = 'rejected';
  }

  get rejected(): boolean {
    return this.#reason !== undefined;
  }

  /** User code threw on the present record. */
  threw(cause: unknown): void {
    if (cause instanceof SliceError) throw cause;
    this.#reason ??= messageOf(cause);
    this.#code = 'exception';
  }

  /** User code is done with the present record. */
  settle(): void {
    if (this.#batch !== undefined && this.#reason !== undefined)
      this.#context.letters.addFrom(this.#batch, this.#index, { code: this.#code, path: '', reason: this.#reason });
    this.#reason = undefined;
    this.#batch = undefined;
  }

  /** Sends on what user code made: a record, an array of records, or nothing. */
  giveAll(made: unknown): void {
    if (made === null || made === undefined) return;
    if (Array.isArray(made)) for (const one of made) this.give(one);
    else this.give(made);
  }

  give(record: unknown): void {
    const json: string | undefined = JSON.stringify(record);
    if (json === undefined) throw new Error(`a ${typeof record} is no record`);
    this.#context.emitter.text(json);
  }
}

function readSecret(folder: string, name: string, key: string): string {
  if (!secretName.test(name) || !secretName.test(key)) throw new Error(`"${name}/${key}" is no name of a secret`);
  try {
    return readFileSync(join(folder, name, key), 'utf8');
  } catch (cause) {
    throw new Error(`secret ${name} with key ${key} was not given to this step (list it under its secrets)`, { cause });
  }
}

function logAt(level: string): (message: string, fields?: Fields) => void {
  return (message, fields) => void process.stderr.write(`${JSON.stringify({ level, message, ...fields })}\n`);
}
