// The explaining checker: a schema becomes a tree of closures over parsed values. It alone decides what the byte checker does
// not accept, and it says why.
import { canonicalJson } from './canonical.ts';
import { type ContractShape, isNode, own, type SchemaNode, type Violation, type ViolationCode } from './contract.ts';
import { formats } from './formats.ts';
import type { JsonType } from './keywords.ts';
import { resolveReference } from './keywords.ts';
import type { PatternTest } from './pattern.ts';

/** Undefined when the value is valid, else the first violation found; its path is relative to the value. */
export type ValueCheck = (value: unknown) => Violation | undefined;

/** What compiling needs of its surroundings. */
export interface Compilation {
  readonly root: unknown;
  readonly closed: boolean;
  readonly compilePattern: (source: string) => PatternTest;
}

/** The check of a whole record; the contract has passed checkContract. */
export function compileValueCheck(
  contract: ContractShape,
  compilePattern: (source: string) => PatternTest,
): ValueCheck {
  return compileNode(contract.schema, { root: contract.schema, closed: contract.mode === 'closed', compilePattern });
}

function compileNode(schema: unknown, compilation: Compilation): ValueCheck {
  if (schema === true) return () => undefined;
  if (!isNode(schema)) return () => violation('not_allowed', 'no value is allowed here');
  const checks: ValueCheck[] = [];
  const add = (check: ValueCheck | undefined): void => {
    if (check !== undefined) checks.push(check);
  };
  const reference = own(schema, '$ref');
  if (typeof reference === 'string') add(compileNode(resolveReference(compilation.root, reference), compilation));
  add(typeCheck(schema));
  add(enumCheck(schema));
  add(numberCheck(schema));
  add(stringCheck(schema, compilation));
  add(arrayCheck(schema, compilation));
  add(objectCheck(schema, compilation));
  for (const check of combinationChecks(schema, compilation)) add(check);
  const [first, second, ...rest] = checks;
  if (first === undefined) return () => undefined;
  if (second === undefined) return first;
  if (rest.length === 0) return (value) => first(value) ?? second(value);
  return (value) => {
    for (const check of checks) {
      const found = check(value);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

function typeCheck(schema: SchemaNode): ValueCheck | undefined {
  const type = own(schema, 'type');
  const wanted = (Array.isArray(type) ? type : type === undefined ? [] : [type]).map(String);
  const [only, ...others] = wanted;
  if (only === undefined) return undefined;
  const words = wanted.join(' or ');
  const wrong = (value: unknown): Violation => violation('wrong_type', `expected ${words}, got ${shown(value)}`);
  if (others.length === 0) return (value) => (hasType(value, only) ? undefined : wrong(value));
  return (value) => (wanted.some((one) => hasType(value, one)) ? undefined : wrong(value));
}

function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case 'integer':
      return Number.isInteger(value);
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isNode(value);
    default:
      return typeof value === type;
  }
}

function enumCheck(schema: SchemaNode): ValueCheck | undefined {
  const list = own(schema, 'enum');
  const allowed = Array.isArray(list) ? list : Object.hasOwn(schema, 'const') ? [schema['const']] : undefined;
  if (allowed === undefined) return undefined;
  const texts = new Set(allowed.filter((item) => typeof item === 'string'));
  const keys = new Set(allowed.map(canonicalJson));
  const words = allowed.length === 1 ? shown(allowed[0]) : `one of ${allowed.map(shown).join(', ')}`;
  const both = Array.isArray(list) && Object.hasOwn(schema, 'const') ? canonicalJson(schema['const']) : undefined;
  return (value) => {
    if (both === undefined && typeof value === 'string' && texts.has(value)) return undefined;
    const key = canonicalJson(value);
    if (keys.has(key) && (both === undefined || both === key)) return undefined;
    return violation('not_allowed', `expected ${words}, got ${shown(value)}`);
  };
}

function numberCheck(schema: SchemaNode): ValueCheck | undefined {
  const limits = {
    minimum: numberOf(schema, 'minimum'),
    maximum: numberOf(schema, 'maximum'),
    above: numberOf(schema, 'exclusiveMinimum'),
    below: numberOf(schema, 'exclusiveMaximum'),
    multipleOf: numberOf(schema, 'multipleOf'),
  };
  if (Object.values(limits).every((limit) => limit === undefined)) return undefined;
  const { minimum, maximum, above, below, multipleOf } = limits;
  const outside = (words: string, value: number): Violation =>
    violation('out_of_range', `expected ${words}, got ${value}`);
  return (value) => {
    if (typeof value !== 'number') return undefined;
    if (minimum !== undefined && value < minimum) return outside(`at least ${minimum}`, value);
    if (maximum !== undefined && value > maximum) return outside(`at most ${maximum}`, value);
    if (above !== undefined && value <= above) return outside(`more than ${above}`, value);
    if (below !== undefined && value >= below) return outside(`less than ${below}`, value);
    if (multipleOf !== undefined && !Number.isInteger(value / multipleOf))
      return outside(`a multiple of ${multipleOf}`, value);
    return undefined;
  };
}

function stringCheck(schema: SchemaNode, { compilePattern }: Compilation): ValueCheck | undefined {
  const lengthCheck = sizeCheck(schema, 'minLength', 'maxLength', 'characters');
  const source = own(schema, 'pattern');
  const pattern = typeof source === 'string' ? compilePattern(source) : undefined;
  const name = own(schema, 'format');
  const format = typeof name === 'string' ? formats[name] : undefined;
  if (lengthCheck === undefined && pattern === undefined && format === undefined) return undefined;
  return (value) => {
    if (typeof value !== 'string') return undefined;
    const wrongLength = lengthCheck?.(characters(value));
    if (wrongLength !== undefined) return wrongLength;
    if (pattern !== undefined && !pattern(value))
      return violation('no_match', `expected text that matches ${String(source)}, got ${shown(value)}`);
    if (format !== undefined && !format(value))
      return violation('bad_format', `expected a ${String(name)}, got ${shown(value)}`);
    return undefined;
  };
}

function arrayCheck(schema: SchemaNode, compilation: Compilation): ValueCheck | undefined {
  const lengthCheck = sizeCheck(schema, 'minItems', 'maxItems', 'items');
  const items = Object.hasOwn(schema, 'items') ? compileNode(schema['items'], compilation) : undefined;
  const unique = own(schema, 'uniqueItems') === true;
  if (lengthCheck === undefined && items === undefined && !unique) return undefined;
  return (value) => {
    if (!Array.isArray(value)) return undefined;
    const wrongLength = lengthCheck?.(value.length);
    if (wrongLength !== undefined) return wrongLength;
    if (items !== undefined)
      for (let index = 0; index < value.length; index++) {
        const found = items(value[index]);
        if (found !== undefined) return { ...found, path: `[${index}]${found.path}` };
      }
    if (unique && new Set(value.map(canonicalJson)).size < value.length)
      return violation('not_unique', 'two items are equal');
    return undefined;
  };
}

function objectCheck(schema: SchemaNode, compilation: Compilation): ValueCheck | undefined {
  const required = stringsOf(own(schema, 'required'));
  const properties = isNode(schema['properties']) ? Object.entries(schema['properties']) : [];
  const checks = properties.map(([name, child]) => [name, compileNode(child, compilation)] as const);
  const others = additionalOf(schema, compilation);
  const otherCheck = others === undefined || others === 'refused' ? undefined : compileNode(others, compilation);
  const known = new Set(knownNames(schema, compilation));
  const countCheck = sizeCheck(schema, 'minProperties', 'maxProperties', 'fields');
  if (required.length + checks.length === 0 && others === undefined && countCheck === undefined) return undefined;
  return (value) => {
    if (!isNode(value)) return undefined;
    for (const name of required)
      if (!Object.hasOwn(value, name))
        return { ...violation('missing_field', 'required field missing'), path: step(name) };
    for (const [name, check] of checks) {
      if (!Object.hasOwn(value, name)) continue;
      const found = check(value[name]);
      if (found !== undefined) return { ...found, path: `${step(name)}${found.path}` };
    }
    if (others !== undefined)
      for (const name of Object.keys(value)) {
        if (known.has(name)) continue;
        if (others === 'refused')
          return { ...violation('extra_field', 'field is not in the contract'), path: step(name) };
        const found = otherCheck?.(value[name]);
        if (found !== undefined) return { ...found, path: `${step(name)}${found.path}` };
      }
    return countCheck?.(Object.keys(value).length);
  };
}

/** What fields beside `properties` must be: a schema, refused, or (undefined) anything. */
export function additionalOf(
  schema: SchemaNode,
  compilation: Pick<Compilation, 'closed'>,
): SchemaNode | 'refused' | undefined {
  const additional = own(schema, 'additionalProperties');
  if (additional === false) return 'refused';
  if (isNode(additional)) return additional;
  return additional === undefined && compilation.closed && Object.hasOwn(schema, 'properties') ? 'refused' : undefined;
}

// A closed contract also knows the fields that its alternatives name; additionalProperties looks at `properties` only.
function knownNames(schema: SchemaNode, compilation: Compilation): string[] {
  const names = isNode(schema['properties']) ? Object.keys(schema['properties']) : [];
  if (Object.hasOwn(schema, 'additionalProperties') || !compilation.closed) return names;
  const alternatives = ['allOf', 'anyOf', 'oneOf'].flatMap((keyword): readonly unknown[] => {
    const list = own(schema, keyword);
    return Array.isArray(list) ? list : [];
  });
  const reference = own(schema, '$ref');
  if (typeof reference === 'string') alternatives.push(resolveReference(compilation.root, reference));
  return [...names, ...alternatives.filter(isNode).flatMap((one) => knownNames(one, compilation))];
}

function combinationChecks(schema: SchemaNode, compilation: Compilation): ValueCheck[] {
  // Within an alternative the fields of the others are no extra fields.
  const open = { ...compilation, closed: false };
  const compiled = (keyword: string): ValueCheck[] | undefined => {
    const list = own(schema, keyword);
    return Array.isArray(list) ? list.map((one) => compileNode(one, open)) : undefined;
  };
  const checks: ValueCheck[] = [...(compiled('allOf') ?? [])];
  const any = compiled('anyOf');
  if (any !== undefined)
    checks.push((value) => {
      let first: Violation | undefined;
      for (const check of any) {
        const found = check(value);
        if (found === undefined) return undefined;
        first ??= found;
      }
      return violation(
        'no_alternative',
        `none of ${any.length} alternatives holds; the first: ${first?.reason ?? ''}${first?.path === '' ? '' : ` at ${first?.path ?? ''}`}`,
      );
    });
  const one = compiled('oneOf');
  if (one !== undefined)
    checks.push((value) => {
      const held = one.filter((check) => check(value) === undefined).length;
      return held === 1
        ? undefined
        : violation('no_alternative', `${held} of ${one.length} alternatives hold, one must`);
    });
  if (Object.hasOwn(schema, 'not')) {
    const not = compileNode(schema['not'], open);
    checks.push((value) =>
      not(value) === undefined ? violation('no_alternative', 'is what the contract excludes') : undefined,
    );
  }
  return checks;
}

function sizeCheck(
  schema: SchemaNode,
  least: string,
  most: string,
  what: string,
): ((size: number) => Violation | undefined) | undefined {
  const [min, max] = [numberOf(schema, least), numberOf(schema, most)];
  if (min === undefined && max === undefined) return undefined;
  return (size) => {
    if (min !== undefined && size < min)
      return violation('wrong_size', `expected at least ${min} ${what}, got ${size}`);
    if (max !== undefined && size > max) return violation('wrong_size', `expected at most ${max} ${what}, got ${size}`);
    return undefined;
  };
}

function violation(code: ViolationCode, reason: string): Violation {
  return { code, path: '', reason };
}

/** One step of a path: `.name`, or `["a b"]`. */
export function step(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}

/** Code points, as JSON Schema counts them. */
export function characters(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length - 1; index++) {
    const code = text.charCodeAt(index);
    if (code < 0xd800 || code > 0xdbff) continue;
    const next = text.charCodeAt(index + 1);
    if (next >= 0xdc00 && next <= 0xdfff) {
      count--;
      index++;
    }
  }
  return count;
}

function shown(value: unknown): string {
  const type: JsonType | 'undefined' =
    value === null ? 'null' : Array.isArray(value) ? 'array' : (typeof value as JsonType);
  switch (type) {
    case 'string': {
      const text = String(value);
      return `string ${JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)}`;
    }
    case 'number':
    case 'boolean':
      return `${type} ${String(value)}`;
    default:
      return type;
  }
}

function numberOf(schema: SchemaNode, keyword: string): number | undefined {
  const value = own(schema, keyword);
  return typeof value === 'number' ? value : undefined;
}

function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
