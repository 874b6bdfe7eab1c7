import { type Schema, type StepUse, withSchemas } from '../../apis/index.ts';
import { parseAggregateValue } from './aggregate-value.ts';
import { checkExpression } from './check.ts';
import { ExpressionError } from './expression-error.ts';
import { parseJoinOn } from './join-on.ts';
import type { Problem } from './problem.ts';

/**
 * Everything wrong with a step's `with`: shape first, then its expressions. `inputs` are the step's `from`, in order (only
 * joins need them). An unknown `use` is a problem too. Paths are relative to `with`.
 */
export function checkWith(use: string, value: unknown, inputs: readonly string[] = []): Problem[] {
  if (!isUse(use))
    return [{ path: '', message: `there is no step "${use}"; there are ${Object.keys(withSchemas).join(', ')}` }];
  const shape = checkShape(withSchemas[use], value ?? {}, '');
  if (shape.length > 0) return shape;
  return checkMeaning(use, Object(value ?? {}) as Readonly<Record<string, unknown>>, inputs);
}

function checkMeaning(use: StepUse, value: Readonly<Record<string, unknown>>, inputs: readonly string[]): Problem[] {
  switch (use) {
    case 'filter':
      return checkExpression(String(value['where']), { path: 'where', result: 'bool' });
    case 'derive':
      return checkFields(value['fields']);
    case 'project':
      return Array.isArray(value['fields']) ? checkNames(value['fields']) : checkFields(value['fields']);
    case 'aggregate':
      return entriesOf(value['values']).flatMap(([name, text]) => checkAggregate(name, String(text)));
    case 'join':
      return checkJoin(String(value['on']), inputs);
    default:
      return [];
  }
}

function checkNames(names: readonly unknown[]): Problem[] {
  if (names.length === 0) return [{ path: 'fields', message: 'is empty; every record would be too' }];
  return names.flatMap((name, index) =>
    typeof name === 'string' ? [] : [{ path: `fields[${index}]`, message: `expected string, got ${typeName(name)}` }],
  );
}

function checkFields(fields: unknown): Problem[] {
  if (typeof fields !== 'object' || fields === null)
    return [{ path: 'fields', message: `expected a list of names or a map of expressions, got ${typeName(fields)}` }];
  return Object.entries(fields).flatMap(([name, text]) =>
    typeof text === 'string'
      ? checkExpression(text, { path: `fields.${name}` })
      : [{ path: `fields.${name}`, message: `expected an expression (string), got ${typeName(text)}` }],
  );
}

function checkAggregate(name: string, text: string): Problem[] {
  const path = `values.${name}`;
  return caught(path, () => {
    const { expression } = parseAggregateValue(text);
    return expression === '' ? [] : checkExpression(expression, { path });
  });
}

function checkJoin(on: string, inputs: readonly string[]): Problem[] {
  const [probe, build, more] = inputs;
  if (probe === undefined || build === undefined || more !== undefined)
    return [{ path: '', message: `a join has two inputs, this one has ${inputs.length}` }];
  return caught('on', () => {
    parseJoinOn(on, probe, build);
    return [];
  });
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return Object.entries(value ?? {});
}

function caught(path: string, check: () => Problem[]): Problem[] {
  try {
    return check();
  } catch (cause) {
    if (cause instanceof ExpressionError) return [{ path, message: cause.message }];
    throw cause;
  }
}

// The few keywords that withSchemas use.
function checkShape(schema: Schema, value: unknown, path: string): Problem[] {
  const at = path === '' ? '' : `${path}.`;
  const type = typeName(value);
  if (schema.type !== undefined && schema.type !== type)
    return [{ path, message: `expected ${schema.type}, got ${type}` }];
  if (typeof value === 'string') {
    if (value.length < (schema.minLength ?? 0)) return [{ path, message: 'is empty' }];
    if (schema.enum !== undefined && !schema.enum.includes(value))
      return [{ path, message: `expected one of ${schema.enum.join(', ')}, got "${value}"` }];
  }
  if (Array.isArray(value)) {
    if (value.length < (schema.minItems ?? 0)) return [{ path, message: 'is empty' }];
    const items = schema.items;
    return items === undefined ? [] : value.flatMap((item, index) => checkShape(items, item, `${path}[${index}]`));
  }
  if (type !== 'object' || schema['x-kubernetes-preserve-unknown-fields'] === true) return [];
  const entries = entriesOf(value);
  const missing = (schema.required ?? []).filter((name) => !entries.some(([own]) => own === name));
  return [
    ...missing.map((name) => ({ path: `${at}${name}`, message: 'is required' })),
    ...entries.flatMap(([name, item]) => {
      const property = ownProperty(schema, name) ?? schema.additionalProperties;
      return typeof property !== 'object'
        ? [
            {
              path: `${at}${name}`,
              message: `is unknown here; known are ${Object.keys(schema.properties ?? {}).join(', ')}`,
            },
          ]
        : checkShape(property, item, `${at}${name}`);
    }),
  ];
}

function ownProperty(schema: Schema, name: string): Schema | undefined {
  return schema.properties !== undefined && Object.hasOwn(schema.properties, name)
    ? schema.properties[name]
    : undefined;
}

function isUse(use: string): use is StepUse {
  return Object.hasOwn(withSchemas, use);
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
