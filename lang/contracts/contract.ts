/** What this room needs of a contract's spec; the objects of the API and the slice protocol both have it. */
export interface ContractShape {
  readonly mode?: 'open' | 'closed';
  /** A JSON Schema (the subset that checkContract accepts) for one record. */
  readonly schema: unknown;
}

/** Something a user must change: where, and what is wrong there. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

/** Why a record breaks its contract: a stable code, a path into the record (`$.delay`), words for people. */
export interface Violation {
  readonly code: ViolationCode;
  readonly path: string;
  readonly reason: string;
}

/** What sort of rule a record broke. */
export type ViolationCode =
  | 'decode'
  | 'missing_field'
  | 'extra_field'
  | 'wrong_type'
  | 'not_allowed'
  | 'out_of_range'
  | 'wrong_size'
  | 'no_match'
  | 'bad_format'
  | 'not_unique'
  | 'no_alternative';

/** A schema node that is an object. */
export type SchemaNode = Readonly<Record<string, unknown>>;

/** Narrows to a plain JSON object. */
export function isNode(value: unknown): value is SchemaNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An own property, or undefined. */
export function own(node: SchemaNode, name: string): unknown {
  return Object.hasOwn(node, name) ? node[name] : undefined;
}
