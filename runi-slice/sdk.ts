// What step modules import as 'runink'. It has no imports, so that a bundler can put it into any module; runi-slice knows
// what it makes by `kind`.

/** A record: one JSON object. */
export type Fields = { readonly [name: string]: unknown };

/** What a step may use beside its records. */
export interface StepContext {
  /** Milliseconds since 1970. */
  now(): number;
  /** The run's parameters, and the step's `with`. */
  readonly parameters: Fields;
  readonly secrets: {
    /** The text of one key of a secret that the step names. */
    get(name: string, key: string): string;
  };
  readonly log: {
    info(message: string, fields?: Fields): void;
    warn(message: string, fields?: Fields): void;
    error(message: string, fields?: Fields): void;
  };
  /** Sends the present record to the dead letters instead of onward. Returns null, so that a map can `return` it. */
  reject(reason: string): null;
  /** Says something about the present record; counted now, carried with the lineage later. */
  annotate(annotation: unknown): void;
  /** Sends a record on at once, beside what the function returns. */
  emit(record: unknown): void;
}

type Awaitable<T> = T | Promise<T>;

/** One record in; one, none (null or undefined) or many (an array) out. A throw makes the record a dead letter. */
export interface MapStep<Input> {
  readonly kind: 'map';
  readonly run: (record: Input, context: StepContext) => Awaitable<unknown>;
}

/** Keeps the records for which the function returns true. */
export interface FilterStep<Input> {
  readonly kind: 'filter';
  readonly run: (record: Input, context: StepContext) => Awaitable<boolean>;
}

/** One state for each key; what `emit` makes of it comes out at the end, in the order of the keys. */
export interface AggregateStep<Input, State> {
  readonly kind: 'aggregate';
  /** A field, several fields, or a function of the record. */
  readonly key: string | readonly string[] | ((record: Input) => unknown);
  /** The first state of a key: a function, or a value that is copied. */
  readonly init: State | ((key: unknown) => State);
  /** The state with the record added; undefined when the state was changed in place. */
  readonly add: (state: State, record: Input, context: StepContext) => State | void;
  /** The record, records (an array) or nothing (null) for a key. */
  readonly emit: (key: unknown, state: State, context: StepContext) => unknown;
}

/** A step that makes of each record another one, several, or none. */
export function map<Input = Fields>(run: MapStep<Input>['run']): MapStep<Input> {
  return { kind: 'map', run };
}

/** A step that keeps the records for which `run` holds. */
export function filter<Input = Fields>(run: FilterStep<Input>['run']): FilterStep<Input> {
  return { kind: 'filter', run };
}

/** A step that folds the records of each key into one state, and emits from it at the end. */
export function aggregate<State, Input = Fields>(
  parts: Omit<AggregateStep<Input, State>, 'kind'>,
): AggregateStep<Input, State> {
  return { kind: 'aggregate', ...parts };
}
