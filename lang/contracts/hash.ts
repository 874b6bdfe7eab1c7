import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical.ts';
import { type ContractShape, isNode, own, type SchemaNode } from './contract.ts';
import { annotations, childSchemas } from './keywords.ts';

/**
 * SHA-256 (hex) of a contract's shape: mode and schema without texts and tags. The order of fields counts, the order of
 * `required`, `type` and `enum` does not.
 */
export function schemaHash(contract: ContractShape): string {
  return sha256({ mode: contract.mode ?? 'open', schema: shapeOf(contract.schema) });
}

/** SHA-256 (hex) of a contract's tags: every `x-` keyword with the path of the schema that bears it. */
export function policyHash(contract: ContractShape): string {
  return sha256(tagsOf(contract.schema, ''));
}

function sha256(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

function shapeOf(schema: unknown): unknown {
  if (!isNode(schema)) return schema;
  const shape: [string, unknown][] = [];
  for (const [keyword, value] of Object.entries(schema)) {
    if (annotations.has(keyword) || keyword.startsWith('x-')) continue;
    shape.push([keyword, shapeOfKeyword(keyword, value)]);
  }
  return Object.fromEntries(shape);
}

function shapeOfKeyword(keyword: string, value: unknown): unknown {
  switch (keyword) {
    // As a list, since canonical JSON orders the names of an object.
    case 'properties':
      return isNode(value) ? Object.entries(value).map(([name, schema]) => [name, shapeOf(schema)]) : value;
    case '$defs':
      return isNode(value)
        ? Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, shapeOf(schema)]))
        : value;
    case 'items':
    case 'additionalProperties':
    case 'not':
      return shapeOf(value);
    case 'allOf':
    case 'anyOf':
    case 'oneOf':
      return Array.isArray(value) ? value.map(shapeOf) : value;
    case 'required':
    case 'type':
    case 'enum':
      return Array.isArray(value) ? value.map(canonicalJson).sort() : value;
    default:
      return value;
  }
}

function tagsOf(schema: unknown, path: string): SchemaNode {
  const found: [string, unknown][] = [];
  const visit = (node: unknown, at: string): void => {
    if (!isNode(node)) return;
    const tags = Object.keys(node).filter((keyword) => keyword.startsWith('x-'));
    if (tags.length > 0) found.push([at, Object.fromEntries(tags.map((tag) => [tag, own(node, tag)]))]);
    for (const [step, child] of childSchemas(node)) visit(child, `${at}/${step}`);
  };
  visit(schema, path);
  return Object.fromEntries(found);
}
