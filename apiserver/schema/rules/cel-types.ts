// What rules in CEL see of a value: its schema as a CEL type, and the value itself, made as it is looked at. Fields whose
// type is unknown are not seen, as in Kubernetes.
import { Duration } from '@marcbachmann/cel-js/evaluator';
import { isRecord, type JsonRecord } from '../../json.ts';
import type { Node } from '../custom/node.ts';
import { type Bound, boundOf } from './bounds.ts';
import { durationNanos } from './durations.ts';
import { escapedName } from './escape.ts';

/** A schema node as rules see it. */
export interface CelType {
  /** As the CEL library writes types. */
  readonly name: string;
  readonly bound: Bound;
  /** A JSON value as a CEL value. */
  readonly read: (value: unknown) => unknown;
}

/** An object type to be declared to the CEL library. */
export interface Declaration {
  readonly name: string;
  readonly ctor: typeof Message;
  readonly fields: Readonly<Record<string, string>>;
}

/** An object as rules see it; each object type has a class of its own, with a getter for each field. */
export class Message {
  readonly #raw: JsonRecord;
  readonly #seen = new Map<string, unknown>();

  constructor(raw: JsonRecord) {
    this.#raw = raw;
  }

  /** The JSON that a message shows. */
  static rawOf(message: Message): JsonRecord {
    return message.#raw;
  }

  /** A field, made once; undefined when there is none. */
  static field(message: Message, key: string, read: (value: unknown) => unknown): unknown {
    if (!Object.hasOwn(message.#raw, key)) return undefined;
    let value = message.#seen.get(key);
    if (value === undefined) {
      value = read(message.#raw[key]);
      message.#seen.set(key, value);
    }
    return value;
  }
}

/** The CEL types of one schema and what lies below it, as far as some rules can reach. */
export class CelTypes {
  readonly declarations: Declaration[] = [];
  readonly #mentioned: ReadonlySet<string>;
  readonly #types = new Map<Node, CelType | undefined>();

  /** Fields that `texts` do not mention are left out: a large schema would make types by the thousand for nobody. */
  constructor(texts: readonly string[]) {
    this.#mentioned = new Set(texts.flatMap((text) => text.match(/[A-Za-z_]\w*/g) ?? []));
  }

  /** The type of a node, undefined when rules cannot see such values. `isRoot`: of a whole object. */
  typeOf(node: Node, isRoot = node.isResource): CelType | undefined {
    if (this.#types.has(node)) return this.#types.get(node);
    const type = this.#make(node, isRoot);
    this.#types.set(node, type);
    return type;
  }

  #make(node: Node, isRoot: boolean): CelType | undefined {
    const bound = boundOf(node);
    if (node.isIntOrString) return { name: 'dyn', bound, read: readLoose };
    switch (node.schema.type) {
      case 'array': {
        const item = node.items === undefined ? undefined : this.typeOf(node.items);
        if (item === undefined) return undefined;
        const read = (value: unknown) => (Array.isArray(value) ? value.map(item.read) : value);
        return { name: `list<${item.name}>`, bound: { ...bound, element: item.bound }, read };
      }
      case 'object':
        return typeof node.additional === 'object' && !isRoot
          ? this.#map(node.additional, bound)
          : this.#object(node, isRoot, bound);
      case 'string':
        return textType(node.schema.format, bound);
      case 'boolean':
        return { name: 'bool', bound, read: (value) => value };
      case 'number':
        return { name: 'double', bound, read: (value) => value };
      case 'integer':
        return { name: 'int', bound, read: readInteger };
      default:
        return undefined;
    }
  }

  #map(values: Node, bound: Bound): CelType | undefined {
    const value = this.typeOf(values);
    if (value === undefined) return undefined;
    const read = (given: unknown) =>
      isRecord(given) ? new Map(Object.entries(given).map(([key, field]) => [key, value.read(field)])) : given;
    return { name: `map<string, ${value.name}>`, bound: { ...bound, element: value.bound }, read };
  }

  #object(node: Node, isRoot: boolean, bound: Bound): CelType {
    const name = `object${this.declarations.length + 1}`;
    const types: Record<string, string> = {};
    const fields = new Map<string, Bound>();
    class Shape extends Message {}
    const declaration: Declaration = { name, ctor: Shape, fields: types };
    this.declarations.push(declaration);
    const add = (key: string, type: CelType, mayBeNull = false): void => {
      const escaped = escapedName(key);
      if (escaped === undefined) return;
      // What may be null has no type that the package could hold it to.
      types[escaped] = mayBeNull ? 'dyn' : type.name;
      fields.set(escaped, type.bound);
      Object.defineProperty(Shape.prototype, escaped, {
        get(this: Shape) {
          return Message.field(this, key, type.read);
        },
      });
    };
    for (const [key, child] of node.properties) {
      if ((isRoot && metaFields.has(key)) || !this.#mentioned.has(escapedName(key) ?? '')) continue;
      const type = this.typeOf(child);
      if (type !== undefined) add(key, type, child.schema.nullable === true);
    }
    if (isRoot) {
      add('apiVersion', plainText);
      add('kind', plainText);
      add('metadata', this.#metadata());
    }
    return { name, bound: { ...bound, fields }, read: (value) => (isRecord(value) ? new Shape(value) : value) };
  }

  // Of metadata rules see the name, since nothing else of it may be restricted.
  #metadata(): CelType {
    const name = `object${this.declarations.length + 1}`;
    class Metadata extends Message {
      get name(): unknown {
        return Message.field(this, 'name', (value) => value);
      }
      get generateName(): unknown {
        return Message.field(this, 'generateName', (value) => value);
      }
    }
    this.declarations.push({ name, ctor: Metadata, fields: { name: 'string', generateName: 'string' } });
    const fields = new Map(['name', 'generateName'].map((key) => [key, plainText.bound]));
    return {
      name,
      bound: { max: 2, minBytes: 2, fields },
      read: (value) => (isRecord(value) ? new Metadata(value) : value),
    };
  }
}

const metaFields = new Set(['apiVersion', 'kind', 'metadata']);
const nameLengthMax = 253;
const plainText: CelType = { name: 'string', bound: { max: nameLengthMax, minBytes: 2 }, read: (value) => value };

function textType(format: string | undefined, bound: Bound): CelType {
  switch (format?.replaceAll('-', '')) {
    case 'byte':
      return { name: 'bytes', bound, read: (value) => (typeof value === 'string' ? bytesOf(value) : value) };
    case 'duration':
      return { name: 'google.protobuf.Duration', bound, read: readDuration };
    case 'date':
    case 'datetime':
      return { name: 'google.protobuf.Timestamp', bound, read: readTime };
    default:
      return { name: 'string', bound, read: (value) => value };
  }
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'base64'));
}

function readDuration(value: unknown): unknown {
  const nanos = typeof value === 'string' ? durationNanos(value) : undefined;
  if (nanos === undefined) return value;
  return new Duration(nanos / 1_000_000_000n, Number(nanos % 1_000_000_000n));
}

function readTime(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const time = new Date(value.toUpperCase());
  return Number.isNaN(time.getTime()) ? value : time;
}

function readInteger(value: unknown): unknown {
  return typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value;
}

// An int-or-string: what type it has is found out by the rule, with type().
function readLoose(value: unknown): unknown {
  return readInteger(value);
}
