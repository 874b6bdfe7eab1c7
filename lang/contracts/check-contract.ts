import { type ContractShape, isNode, own, type Problem, type SchemaNode } from './contract.ts';
import { formats } from './formats.ts';
import { annotations, childSchemas, constraints, resolveReference, tags, types } from './keywords.ts';
import { contractPatternMax, type PatternTest, patternCompiler } from './pattern.ts';

/** Deepest nesting of a schema, references followed. */
export const schemaDepthMax = 64;
/** Most schemas in one contract. */
export const schemaNodesMax = 10_000;

/** Everything a user must change before the contract can be compiled; nothing when it can. */
export async function checkContract(contract: ContractShape): Promise<Problem[]> {
  const compilePattern = await patternCompiler();
  const problems: Problem[] = [];
  if (!isNode(contract.schema)) return [{ path: 'schema', message: 'is not an object' }];
  const type = own(contract.schema, 'type');
  if (type !== 'object') problems.push({ path: 'schema.type', message: 'must be object: a record is one' });
  const walk: Walk = { root: contract.schema, compilePattern, problems, nodes: 0 };
  visit(walk, contract.schema, 'schema', 1, []);
  return problems;
}

interface Walk {
  readonly root: SchemaNode;
  readonly compilePattern: (source: string) => PatternTest;
  readonly problems: Problem[];
  nodes: number;
}

function visit(walk: Walk, schema: unknown, path: string, depth: number, references: readonly string[]): void {
  const { problems } = walk;
  if (typeof schema === 'boolean') return;
  if (!isNode(schema)) return void problems.push({ path, message: 'is not a schema (an object, true or false)' });
  if (depth > schemaDepthMax)
    return void problems.push({ path, message: `nests deeper than ${schemaDepthMax} schemas` });
  if (++walk.nodes > schemaNodesMax) {
    if (walk.nodes === schemaNodesMax + 1)
      problems.push({ path, message: `is one of more than ${schemaNodesMax} schemas` });
    return;
  }
  for (const [keyword, value] of Object.entries(schema)) checkKeyword(walk, keyword, value, `${path}.${keyword}`);
  checkUniqueItems(walk, schema, path);
  checkReference(walk, schema, path, depth, references);
  for (const [step, child] of childSchemas(schema))
    if (!step.startsWith('$defs/')) visit(walk, child, `${path}.${step.replaceAll('/', '.')}`, depth + 1, references);
}

function checkReference(
  walk: Walk,
  schema: SchemaNode,
  path: string,
  depth: number,
  references: readonly string[],
): void {
  const reference = own(schema, '$ref');
  if (typeof reference !== 'string') return;
  const refuse = (message: string): void => void walk.problems.push({ path: `${path}.$ref`, message });
  if (!reference.startsWith('#'))
    return refuse(`"${reference}" is remote; only references within the schema (#/$defs/NAME) are allowed`);
  if (references.includes(reference))
    return refuse(`"${reference}" leads back to itself; recursive schemas are not allowed`);
  const target = resolveReference(walk.root, reference);
  if (target === undefined) return refuse(`"${reference}" points to nothing`);
  visit(walk, target, `${path}.$ref(${reference})`, depth + 1, [...references, reference]);
}

function checkKeyword(walk: Walk, keyword: string, value: unknown, path: string): void {
  const refuse = (message: string): void => void walk.problems.push({ path, message });
  if (annotations.has(keyword)) return;
  if (keyword.startsWith('x-')) {
    if (keyword === 'x-mask' && !['none', 'redact', 'hash', 'tokenize'].includes(String(value)))
      return refuse('must be none, redact, hash or tokenize');
    return tags.has(keyword) ? undefined : refuse(`is no known tag; known are ${[...tags].join(', ')}`);
  }
  if (keyword === '$dynamicRef' || keyword === '$dynamicAnchor') return refuse('dynamic references are not allowed');
  if (!constraints.has(keyword)) return refuse('is not a keyword of contracts');
  const wrong = shapeProblem(keyword, value);
  if (wrong !== undefined) return refuse(wrong);
  if (keyword === 'pattern') checkPattern(walk, String(value), refuse);
  if (keyword === 'format' && !Object.hasOwn(formats, String(value)))
    refuse(
      `"${String(value)}" is no known format; known are ${Object.keys(formats).join(', ')}; use pattern for others`,
    );
}

function checkPattern(walk: Walk, source: string, refuse: (message: string) => void): void {
  if (source.length > contractPatternMax)
    return refuse(`has ${source.length} characters, at most ${contractPatternMax} are allowed`);
  try {
    walk.compilePattern(source);
  } catch (cause) {
    refuse(`"${source}" cannot be matched in linear time: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

/** What is wrong with the value of a keyword itself; schemas below it are visited apart. */
function shapeProblem(keyword: string, value: unknown): string | undefined {
  switch (keyword) {
    case 'type': {
      const list: readonly unknown[] = Array.isArray(value) ? value : [value];
      const unknown = list.find((type) => !types.some((known) => known === type));
      return list.length === 0 || unknown !== undefined ? `must be of ${types.join(', ')}` : undefined;
    }
    case 'enum':
      return Array.isArray(value) && value.length > 0 ? undefined : 'must be a list of at least one value';
    case 'required':
      return Array.isArray(value) && value.every((name) => typeof name === 'string')
        ? undefined
        : 'must be a list of field names';
    case 'properties':
    case '$defs':
      return isNode(value) ? undefined : 'must be a map of schemas';
    case 'allOf':
    case 'anyOf':
    case 'oneOf':
      return Array.isArray(value) && value.length > 0 ? undefined : 'must be a list of at least one schema';
    case 'uniqueItems':
      return typeof value === 'boolean' ? undefined : 'must be true or false';
    case 'pattern':
    case 'format':
    case '$ref':
      return typeof value === 'string' ? undefined : 'must be a string';
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return typeof value === 'number' ? undefined : 'must be a number';
    case 'multipleOf':
      return typeof value === 'number' && value > 0 ? undefined : 'must be a number above 0';
    case 'minLength':
    case 'maxLength':
    case 'minItems':
    case 'maxItems':
    case 'minProperties':
    case 'maxProperties':
      return typeof value === 'number' && Number.isInteger(value) && value >= 0
        ? undefined
        : 'must be an integer of at least 0';
    default:
      return undefined;
  }
}

// Comparing objects pairwise costs their size each time: without a bound a record could be made to cost a lot.
function checkUniqueItems(walk: Walk, schema: SchemaNode, path: string): void {
  if (own(schema, 'uniqueItems') !== true || Object.hasOwn(schema, 'maxItems')) return;
  const items = own(schema, 'items');
  const type = isNode(items) ? own(items, 'type') : undefined;
  const itemTypes = Array.isArray(type) ? type : [type];
  if (itemTypes.every((one) => ['string', 'integer', 'number', 'boolean', 'null'].includes(String(one)))) return;
  walk.problems.push({ path: `${path}.uniqueItems`, message: 'needs maxItems when items may be objects or lists' });
}
