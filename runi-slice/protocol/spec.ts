// What the agent tells a slice: one JSON document in the agent's first frame. The agent made it from the Run's plan; all
// paths are as the slice sees them.

/** How records lie in a file. */
export type RecordFormat = 'ndjson' | 'json' | 'csv' | 'text';

/** A contract as its object's spec has it; `schema` is a JSON Schema for one record. */
export interface ContractSpec {
  readonly name: string;
  readonly version: string;
  readonly mode: 'open' | 'closed';
  readonly schema: Readonly<Record<string, unknown>>;
  readonly schemaHash: string;
}

/** Where records come from: another slice, or a file. */
export type InputSpec =
  | { readonly kind: 'edge'; readonly name: string; readonly path: string; readonly framed: boolean }
  | {
      readonly kind: 'file';
      readonly name: string;
      readonly path: string;
      /** As the user wrote it, for messages and dead letters. */
      readonly uri: string;
      readonly format: RecordFormat;
      /** Check each record as it is read. Absent: it is checked elsewhere, or not at all. */
      readonly contract?: ContractSpec;
    };

/** Where records go: another slice, or a staged file. */
export type OutputSpec =
  | { readonly kind: 'edge'; readonly path: string; readonly framed: boolean }
  | { readonly kind: 'file'; readonly path: string; readonly uri: string; readonly format: RecordFormat };

/** Everything one slice needs to know. */
export interface SliceSpec {
  readonly herd: string;
  readonly pipeline: string;
  readonly run: string;
  readonly step: string;
  readonly slice: string;
  readonly attempt: number;
  /** A built-in step's name, `module` for user code, `exec` for a program. */
  readonly use: 'filter' | 'project' | 'derive' | 'validate' | 'join' | 'aggregate' | 'dedupe' | 'exec' | 'module';
  readonly with: Readonly<Record<string, unknown>>;
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly OutputSpec[];
  /** One file, shared by the slices of the group (appended with O_APPEND, a whole letter a write); absent: rejected records fail the step. */
  readonly deadLetters?: { readonly path: string };
  /** `validate` only: the contract it checks. */
  readonly contract?: ContractSpec;
  /** `module` only: absolute path of the ES module and the export to run. */
  readonly module?: { readonly path: string; readonly export: string };
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Directory of secret files (NAME/KEY), for `ctx.secrets`. */
  readonly secrets: string;
  /** The step's memory limit: buffers, tables and spools are sized from it. */
  readonly memoryBytesMax: number;
  /** A record longer than this is a dead letter (code `too_large`), never a crash. */
  readonly recordBytesMax: number;
}
