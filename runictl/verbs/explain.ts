import type { KindInfo } from '../../apis/index.ts';
import type { Api } from '../api.ts';
import { CommandError } from '../failure.ts';
import { isOn, type Options } from '../options.ts';
import { findKind, nearest } from '../resource.ts';
import type { Session } from '../session.ts';
import { isRecord, textOf } from '../values.ts';

type SchemaNode = Readonly<Record<string, unknown>>;

/** `runictl explain KIND[.FIELD…]`: fields and their meaning, out of the server's OpenAPI v3. */
export async function explain(session: Session, args: readonly string[], options: Options): Promise<number> {
  const [word = '', ...path] = (args[0] ?? '').split('.');
  const kind = findKind(word);
  const { schemas, root } = await fetchSchema(await session.connect(), kind);
  const resolveRef = (node: SchemaNode): SchemaNode => follow(node, schemas);
  const node = descend(root, path, kind, resolveRef);
  const lines = [
    ...(kind.group === '' ? [] : [`GROUP:      ${kind.group}`]),
    `KIND:       ${kind.kind}`,
    `VERSION:    ${kind.version}`,
    '',
    ...(path.length === 0 ? [] : [`FIELD: ${path.at(-1) ?? ''} <${typeText(node, resolveRef)}>`, '']),
    'DESCRIPTION:',
    ...wrap(textOf(node['description']) || '<no description>', '    '),
    ...fieldLines(inside(node, resolveRef), resolveRef, isOn(options, 'recursive')),
  ];
  await session.terminal.out(`${lines.join('\n')}\n`);
  return 0;
}

async function fetchSchema(
  api: Api,
  kind: KindInfo,
): Promise<{ readonly schemas: SchemaNode; readonly root: SchemaNode }> {
  const path = kind.group === '' ? `/openapi/v3/api/${kind.version}` : `/openapi/v3/apis/${kind.group}/${kind.version}`;
  const document = await (await api.get(path)).json();
  const components = isRecord(document) && isRecord(document['components']) ? document['components'] : {};
  const schemas = isRecord(components['schemas']) ? components['schemas'] : {};
  for (const schema of Object.values(schemas)) {
    const named = isRecord(schema) ? schema['x-kubernetes-group-version-kind'] : undefined;
    if (
      isRecord(schema) &&
      Array.isArray(named) &&
      named.some((gvk) => isRecord(gvk) && gvk['kind'] === kind.kind && gvk['group'] === kind.group)
    )
      return { schemas, root: schema };
  }
  throw new CommandError(`the server at ${api.serverUrl} describes no ${kind.kind} in ${path}`);
}

function follow(node: SchemaNode, schemas: SchemaNode): SchemaNode {
  const all = node['allOf'];
  const only: unknown = Array.isArray(all) && all.length === 1 ? all[0] : undefined;
  const ref = node['$ref'] ?? (isRecord(only) ? only['$ref'] : undefined);
  if (typeof ref !== 'string') return node;
  const target = schemas[ref.split('/').at(-1) ?? ''];
  // The place's own description is closer to the reader than the type's.
  return isRecord(target)
    ? { ...target, ...(node['description'] === undefined ? {} : { description: node['description'] }) }
    : node;
}

function descend(
  root: SchemaNode,
  path: readonly string[],
  kind: KindInfo,
  resolveRef: (node: SchemaNode) => SchemaNode,
): SchemaNode {
  let node = root;
  for (const [index, name] of path.entries()) {
    const fields = fieldsOf(inside(node, resolveRef));
    const next = fields[name];
    if (!isRecord(next)) {
      const where = [kind.plural, ...path.slice(0, index)].join('.');
      const near = nearest(name, Object.keys(fields));
      throw new CommandError(
        `field "${name}" does not exist in ${where}${near === undefined ? '' : `; did you mean "${near}"?`}`,
      );
    }
    node = resolveRef(next);
  }
  return node;
}

/** What a list's items or a map's values are. */
function inside(node: SchemaNode, resolveRef: (node: SchemaNode) => SchemaNode): SchemaNode {
  const inner = node['items'] ?? node['additionalProperties'];
  return isRecord(inner) ? inside(resolveRef(inner), resolveRef) : node;
}

function fieldsOf(node: SchemaNode): SchemaNode {
  return isRecord(node['properties']) ? node['properties'] : {};
}

function fieldLines(node: SchemaNode, resolveRef: (node: SchemaNode) => SchemaNode, isRecursive: boolean): string[] {
  const fields = Object.entries(fieldsOf(node));
  if (fields.length === 0) return [];
  if (isRecursive) return ['FIELDS:', ...recursiveLines(node, resolveRef, '  ', 0)];
  const required = Array.isArray(node['required']) ? node['required'] : [];
  return [
    'FIELDS:',
    ...fields
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, field]) => {
        const resolved = resolveRef(isRecord(field) ? field : {});
        const choices = Array.isArray(resolved['enum']) ? [`    enum: ${resolved['enum'].join(', ')}`] : [];
        return [
          `  ${name}\t<${typeText(resolved, resolveRef)}>${required.includes(name) ? ' -required-' : ''}`,
          ...choices,
          ...wrap(textOf(resolved['description']) || '<no description>', '    '),
          '',
        ];
      }),
  ];
}

const depthMax = 12;

function recursiveLines(
  node: SchemaNode,
  resolveRef: (node: SchemaNode) => SchemaNode,
  indent: string,
  depth: number,
): string[] {
  if (depth > depthMax) return [];
  return Object.entries(fieldsOf(node))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, field]) => {
      const resolved = resolveRef(isRecord(field) ? field : {});
      return [
        `${indent}${name}\t<${typeText(resolved, resolveRef)}>`,
        ...recursiveLines(inside(resolved, resolveRef), resolveRef, `${indent}  `, depth + 1),
      ];
    });
}

function typeText(node: SchemaNode, resolveRef: (node: SchemaNode) => SchemaNode): string {
  if (isRecord(node['items'])) return `[]${typeText(resolveRef(node['items']), resolveRef)}`;
  if (isRecord(node['additionalProperties']))
    return `map[string]${typeText(resolveRef(node['additionalProperties']), resolveRef)}`;
  if (node['x-kubernetes-int-or-string'] === true) return 'integer or string';
  return textOf(node['type']) === 'object' || isRecord(node['properties']) ? 'Object' : textOf(node['type']) || 'any';
}

function wrap(paragraph: string, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of paragraph.split(/\s+/)) {
    if (line !== '' && indent.length + line.length + 1 + word.length > 80) {
      lines.push(indent + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, indent + line];
}
