// The dialect of JSON Schema that built-in kinds are written in: structural (no $ref, anyOf of types or const), described,
// and publishable as OpenAPI as it stands.

/** A structural schema node. */
export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  /** The value schema of a map. */
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly format?: 'date-time' | 'int32' | 'int64' | 'double' | 'byte';
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  /** Filled in when absent; never inside list items (client-side apply would never settle). */
  readonly default?: string | number | boolean;
  /** A Quantity: integer or string. */
  readonly 'x-kubernetes-int-or-string'?: true;
  /** Any JSON; kept as it is. */
  readonly 'x-kubernetes-preserve-unknown-fields'?: true;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  /** The name of the generated TypeScript interface for this object, when others use it. */
  readonly 'x-runink-type'?: string;
}

/** The fields of an object of a kind below its root; apiVersion, kind and metadata are added to every kind. */
export interface KindSchema {
  readonly description: string;
  readonly properties: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}
