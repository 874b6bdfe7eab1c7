// Defaults must themselves be what the schema takes: pruned and valid as they stand, or objects would be born broken.
import type { Schema, StatusCause } from '../../../apis/index.ts';
import * as cause from '../causes.ts';
import { Budget, TooMuchWork } from './budget.ts';
import { embeddedProblems, withoutStrangeMeta } from './embedded.ts';
import { hasDefault, nodeOf } from './node.ts';
import { prune } from './prune.ts';
import { validate } from './validate.ts';

/** What is wrong with the defaults of a structural schema. */
export function defaultProblems(schema: Schema, path: string): readonly StatusCause[] {
  try {
    return problemsOf(schema, path, new Budget());
  } catch (error) {
    if (!(error instanceof TooMuchWork)) throw error;
    return [cause.forbidden(path, 'its defaults take too much work to check')];
  }
}

// Not below additionalProperties: in maps of metadata there are none, and elsewhere Kubernetes looks at none.
function problemsOf(schema: Schema, path: string, budget: Budget): StatusCause[] {
  budget.take();
  const problems: StatusCause[] = hasDefault(schema) ? [...valueProblems(schema, `${path}.default`, budget)] : [];
  if (schema.items !== undefined) problems.push(...problemsOf(schema.items, `${path}.items`, budget));
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    problems.push(...problemsOf(child, `${path}.properties[${name}]`, budget));
  }
  return problems;
}

function valueProblems(schema: Schema, path: string, budget: Budget): readonly StatusCause[] {
  const node = nodeOf(schema);
  const value = schema.default;
  const unknown: string[] = [];
  withoutStrangeMeta(node, prune(node, value, node.isResource, budget, unknown), budget, unknown);
  const problems: StatusCause[] = [];
  if (unknown.length > 0) problems.push(cause.invalid(path, value, 'must not have unknown fields'));
  for (const one of [...embeddedProblems(node, value, budget), ...validate(node, value, budget)]) {
    const field = one.field === '<nil>' ? path : `${path}.${one.field}`;
    problems.push({ reason: one.reason, message: one.message, field });
  }
  return problems;
}
