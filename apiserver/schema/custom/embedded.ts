// Objects within objects (x-kubernetes-embedded-resource) have a kind, a version and metadata as whole objects do.
import { labelProblem, objectMetaSchema, subdomainProblem } from '../../../apis/index.ts';
import { isRecord, type JsonRecord, recordOf, textOf } from '../../json.ts';
import { walk } from '../walker.ts';
import type { Budget } from './budget.ts';
import { fieldNode, type Node } from './node.ts';
import { invalidAt, type Problem, problem, required } from './problem.ts';
import { mapItems } from './prune.ts';

/** A value whose embedded objects have metadata of known fields only; the names of dropped ones are added. */
export function withoutStrangeMeta(node: Node, value: unknown, budget: Budget, unknown: string[], path = ''): unknown {
  if (!node.hasResources) return value;
  budget.take();
  if (Array.isArray(value)) {
    const { items } = node;
    if (items === undefined) return value;
    return mapItems(value, (item, index) => withoutStrangeMeta(items, item, budget, unknown, `${path}[${index}]`));
  }
  if (!isRecord(value)) return value;
  let result: JsonRecord | undefined;
  for (const [key, field] of Object.entries(value)) {
    const child = fieldNode(node, key);
    const childPath = path === '' ? key : `${path}.${key}`;
    let next = field;
    if (node.isResource && key === 'metadata' && isRecord(field)) {
      const walked = walk(objectMetaSchema, field, childPath);
      unknown.push(...walked.unknownFields);
      if (walked.unknownFields.length > 0) next = walked.value;
    } else if (typeof child === 'object') next = withoutStrangeMeta(child, field, budget, unknown, childPath);
    if (next === field) continue;
    result ??= { ...value };
    result[key] = next;
  }
  return result ?? value;
}

/** What is wrong with kinds, versions and metadata of embedded objects. */
export function embeddedProblems(node: Node, value: unknown, budget: Budget, path = ''): readonly Problem[] {
  if (!node.hasResources) return [];
  budget.take();
  const { items, additional } = node;
  if (Array.isArray(value)) {
    if (items === undefined) return [];
    return value.flatMap((item, index) => embeddedProblems(items, item, budget, `${path}[${index}]`));
  }
  if (!isRecord(value)) return [];
  const problems: Problem[] = node.isResource ? [...resourceProblems(value, path)] : [];
  for (const key of Object.keys(value).toSorted()) {
    const child = node.properties.get(key);
    if (child !== undefined) problems.push(...embeddedProblems(child, value[key], budget, join(path, key)));
    else if (typeof additional === 'object') {
      problems.push(...embeddedProblems(additional, value[key], budget, `${path}[${key}]`));
    }
  }
  return problems;
}

function resourceProblems(value: JsonRecord, path: string): Problem[] {
  return [
    ...typeProblems(value, 'apiVersion', path, (text) =>
      text.split('/').length > 2 ? `unexpected GroupVersion string: ${text}` : undefined,
    ),
    ...typeProblems(value, 'kind', path, (text) => {
      const words = labelProblem(text.toLowerCase());
      return words === undefined ? undefined : `may have mixed case, but should otherwise match: ${words}`;
    }),
    ...metadataProblems(value.metadata, join(path, 'metadata')),
  ];
}

function typeProblems(
  value: JsonRecord,
  key: string,
  path: string,
  check: (text: string) => string | undefined,
): Problem[] {
  const field = join(path, key);
  if (!Object.hasOwn(value, key)) return [required(field)];
  const text = value[key];
  if (typeof text !== 'string') return [invalidAt(field, text, 'must be a string')];
  const words = text === '' ? 'must not be empty' : check(text);
  return words === undefined ? [] : [invalidAt(field, text, words)];
}

function metadataProblems(metadata: unknown, path: string): Problem[] {
  if (metadata === undefined || metadata === null) return [];
  const problems = walk(objectMetaSchema, metadata, path).causes.map((cause) =>
    problem(cause.reason, cause.field, cause.message),
  );
  const name = textOf(recordOf(metadata).name) ?? '';
  const words = name === '' ? undefined : subdomainProblem(name);
  return words === undefined ? problems : [...problems, invalidAt(`${path}.name`, name, words)];
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
