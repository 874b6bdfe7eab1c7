// The dialect of JSON Schema that kinds are written in. Built-in kinds use a small part of it (structural, no anyOf of
// types, described, publishable as OpenAPI as it stands); users' kinds may use all of it, within Kubernetes' rules for
// structural schemas (apiserver/schema/custom checks them).

/** A rule in CEL over the value of a schema node, as in a CustomResourceDefinition. */
export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

/** A structural schema node. */
export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly title?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  /** The value schema of a map; users' schemas may also say true or false. */
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  /** Texts in built-in kinds; any JSON in users'. */
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  /** Built-in kinds use date-time, int32, int64, double and byte; unknown ones mean nothing. */
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  /** Null is a value of its own and not the same as absent. */
  readonly nullable?: boolean;
  /** Filled in when absent. Built-in kinds never inside list items (client-side apply would never settle). */
  readonly default?: unknown;
  readonly example?: unknown;
  readonly externalDocs?: { readonly description?: string; readonly url?: string };
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;
  /** In built-in kinds a Quantity, in users' any integer or text. */
  readonly 'x-kubernetes-int-or-string'?: true;
  /** Any JSON; kept as it is. */
  readonly 'x-kubernetes-preserve-unknown-fields'?: true;
  /** A whole object with apiVersion, kind and metadata of its own. */
  readonly 'x-kubernetes-embedded-resource'?: true;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'atomic' | 'granular';
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
  /** The name of the generated TypeScript interface for this object, when others use it. */
  readonly 'x-runink-type'?: string;
}

/** The fields of an object of a kind below its root; apiVersion, kind and metadata are added to every kind. */
export interface KindSchema {
  readonly description: string;
  readonly properties: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  /** A user's whole schema, of whose kinds nothing else here is said; built-in kinds have none. */
  readonly root?: Schema;
}
