// How large values of a schema can be, from its limits or else from what fits into one request: what the cost of a rule is
// estimated by before there is any value.
import type { Node } from '../custom/node.ts';

/** The most that values of a schema node can be. */
export interface Bound {
  /** Items, fields or bytes. */
  readonly max: number;
  /** Fewest bytes of JSON that one value takes. */
  readonly minBytes: number;
  readonly element?: Bound;
  readonly fields?: ReadonlyMap<string, Bound>;
}

/** What a request can hold, as Kubernetes counts it. */
export const requestBytesMax = 3 * 1024 * 1024;

const bounds = new WeakMap<Node, Bound>();

/** The bound of a node by itself; what lies within is added by whoever knows what of it is seen. */
export function boundOf(node: Node): Bound {
  let bound = bounds.get(node);
  if (bound === undefined) {
    bound = make(node);
    bounds.set(node, bound);
  }
  return bound;
}

function make(node: Node): Bound {
  const { schema } = node;
  if (node.isIntOrString) return { max: textMax(node), minBytes: 1 };
  switch (schema.type) {
    case 'array': {
      const item = node.items === undefined ? 1 : boundOf(node.items).minBytes;
      return { max: schema.maxItems ?? Math.floor((requestBytesMax - 2) / (item + 1)), minBytes: 2 };
    }
    case 'object':
      return objectBound(node);
    case 'string':
      return textBound(node);
    case 'boolean':
      return { max: 1, minBytes: 4 };
    default:
      return { max: 1, minBytes: 1 };
  }
}

function objectBound(node: Node): Bound {
  const { schema, additional } = node;
  if (typeof additional === 'object') {
    const value = boundOf(additional).minBytes;
    return { max: schema.maxProperties ?? Math.floor((requestBytesMax - 2) / (value + 6)), minBytes: 2 };
  }
  let minBytes = 2;
  for (const name of schema.required ?? []) {
    const child = node.properties.get(name);
    if (child === undefined || child.schema.default !== undefined) continue;
    minBytes += name.length + boundOf(child).minBytes + 4;
  }
  return { max: node.properties.size, minBytes };
}

function textBound(node: Node): Bound {
  switch (node.schema.format?.replaceAll('-', '')) {
    case 'duration':
      return { max: 32, minBytes: 4 };
    case 'date':
      return { max: 12, minBytes: 12 };
    case 'datetime':
      return { max: 32, minBytes: 22 };
    default:
      return { max: textMax(node), minBytes: 2 };
  }
}

function textMax(node: Node): number {
  const { maxLength, enum: values } = node.schema;
  // Characters take up to four bytes.
  if (maxLength !== undefined) return maxLength * 4;
  const texts = (values ?? []).filter((value) => typeof value === 'string');
  return texts.length > 0 ? Math.max(...texts.map((text) => text.length)) : requestBytesMax - 2;
}
