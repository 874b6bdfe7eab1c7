// A value against a user's schema, as Kubernetes' OpenAPI validation does it (k8s.io/kube-openapi/pkg/validation): the
// same checks in the same order and, of alternatives that all fail, the problems of the one that came closest.
import { isRecord, type JsonRecord } from '../../json.ts';
import type { Budget } from './budget.ts';
import type { Correlation } from './correlation.ts';
import { matchesEnum, numberProblems, textProblems, typeProblem } from './leaves.ts';
import type { Node } from './node.ts';
import { general, invalid, invalidAt, notSupported, type Problem, required, tooMany } from './problem.ts';

/** More problems of one object than this are not told. */
export const problemsMax = 100;

/** What is wrong with a value; `correlation` says what it was, since what did not change is not held against it. */
export function validate(node: Node, value: unknown, budget: Budget, correlation?: Correlation): readonly Problem[] {
  return check(node, value, { path: '', budget, correlation }).problems;
}

/** Telling what is wrong costs as much as so many checks that hold. */
const problemSteps = 15;

/** Work of the pattern engine, its instructions times letters, that takes as long as one step. */
const patternWorkOfStep = 40;

function patternSteps(node: Node, value: string): number {
  return node.pattern === undefined ? 0 : Math.ceil((node.pattern.size * value.length) / patternWorkOfStep);
}

interface Place {
  readonly path: string;
  readonly budget: Budget;
  readonly correlation: Correlation | undefined;
}

// How many checks held decides which of several failed alternatives is told.
interface Outcome {
  readonly problems: Problem[];
  matches: number;
}

function check(node: Node, value: unknown, place: Place): Outcome {
  place.budget.take();
  const outcome: Outcome = { problems: [], matches: 0 };
  const wrong = typeProblem(node, value, place.path);
  if (wrong === undefined) outcome.matches++;
  else add(outcome, [wrong]);
  if (value !== null && value !== undefined) {
    checkAlternatives(node, value, place, outcome);
    if (typeof value === 'string') {
      place.budget.take(patternSteps(node, value));
      add(outcome, textProblems(node, value, place.path));
    } else if (typeof value === 'number') add(outcome, numberProblems(node, value, place.path));
    else if (Array.isArray(value)) checkItems(node, value, place, outcome);
    outcome.matches += 4;
  }
  if (!matchesEnum(node, value)) add(outcome, [notSupported(place.path, value, node.schema.enum ?? [])]);
  if (isRecord(value)) checkFields(node, value, place, outcome);
  if (outcome.problems.length > 0) place.budget.take(problemSteps);
  const isExcused = outcome.problems.length > 0 && place.correlation?.isUnchanged() === true;
  return isExcused ? { problems: [], matches: outcome.matches } : outcome;
}

function add(outcome: Outcome, problems: readonly Problem[]): void {
  for (const one of problems) {
    if (outcome.problems.length >= problemsMax) return;
    const isKnown = outcome.problems.some((other) => other.message === one.message && other.field === one.field);
    if (!isKnown) outcome.problems.push(one);
  }
}

function merge(outcome: Outcome, other: Outcome): void {
  outcome.matches += other.matches;
  add(outcome, other.problems);
}

function checkAlternatives(node: Node, value: unknown, place: Place, outcome: Outcome): void {
  if (node.anyOf.length > 0) checkAnyOf(node.anyOf, value, place, outcome);
  if (node.oneOf.length > 0) checkOneOf(node.oneOf, value, place, outcome);
  if (node.allOf.length > 0) {
    const tried = node.allOf.map((one) => check(one, value, place));
    for (const one of tried) merge(outcome, one);
    const held = tried.filter((one) => one.problems.length === 0).length;
    if (held < tried.length) {
      const words = `"${place.path}" must validate all the schemas (allOf)${held === 0 ? '. None validated' : ''}`;
      add(outcome, [general(words)]);
    }
  }
  if (node.not !== undefined && check(node.not, value, place).problems.length === 0) {
    add(outcome, [general(`"${place.path}" must not validate the schema (not)`)]);
  }
}

function checkAnyOf(nodes: readonly Node[], value: unknown, place: Place, outcome: Outcome): void {
  let closest: Outcome | undefined;
  for (const one of nodes) {
    const tried = check(one, value, place);
    if (tried.problems.length === 0) return merge(outcome, tried);
    if (closest === undefined || tried.matches > closest.matches) closest = tried;
  }
  add(outcome, [general(`"${place.path}" must validate at least one schema (anyOf)`)]);
  if (closest !== undefined) merge(outcome, closest);
}

function checkOneOf(nodes: readonly Node[], value: unknown, place: Place, outcome: Outcome): void {
  let closest: Outcome | undefined;
  let first: Outcome | undefined;
  let held = 0;
  for (const one of nodes) {
    const tried = check(one, value, place);
    if (tried.problems.length === 0) {
      held++;
      first ??= tried;
    } else if (closest === undefined || tried.matches > closest.matches) closest = tried;
  }
  if (held === 1 && first !== undefined) return merge(outcome, first);
  const found = held === 0 ? 'Found none valid' : `Found ${held} valid alternatives`;
  add(outcome, [general(`"${place.path}" must validate one and only one schema (oneOf). ${found}`)]);
  if (held === 0 && closest !== undefined) merge(outcome, closest);
}

function checkItems(node: Node, value: readonly unknown[], place: Place, outcome: Outcome): void {
  const { items, schema } = node;
  const { path } = place;
  if (items !== undefined) {
    for (const [index, item] of value.entries()) {
      const correlation = place.correlation?.item(index);
      merge(outcome, check(items, item, { ...place, path: `${path}[${index}]`, correlation }));
    }
  }
  const count = value.length;
  if (schema.minItems !== undefined && count < schema.minItems) {
    add(outcome, [invalid(path, count, `should have at least ${schema.minItems} items`)]);
  }
  if (schema.maxItems !== undefined && count > schema.maxItems) add(outcome, [tooMany(path, count, schema.maxItems)]);
}

function checkFields(node: Node, value: JsonRecord, place: Place, outcome: Outcome): void {
  const { schema, properties, additional } = node;
  const { path } = place;
  const count = Object.keys(value).length;
  if (schema.minProperties !== undefined && count < schema.minProperties) {
    add(outcome, [invalid(path, count, `should have at least ${schema.minProperties} properties`)]);
  }
  if (schema.maxProperties !== undefined && count > schema.maxProperties) {
    add(outcome, [tooMany(path, count, schema.maxProperties)]);
  }
  if (additional !== undefined && additional !== true) {
    for (const key of Object.keys(value).toSorted()) {
      if (properties.has(key)) continue;
      if (additional === false) {
        add(outcome, [invalidAt(fieldName(path), key, `${path}.${key} in body is a forbidden property`)]);
      } else merge(outcome, check(additional, value[key], below(place, `${path}.${key}`, key)));
    }
  }
  for (const [key, child] of properties) {
    if (!Object.hasOwn(value, key)) continue;
    merge(outcome, check(child, value[key], below(place, path === '' ? key : `${path}.${key}`, key)));
  }
  for (const key of schema.required ?? []) {
    if (!Object.hasOwn(value, key)) add(outcome, [required(`${path}.${key}`)]);
  }
}

// What kind and apiVersion were says nothing: an update shows both in the version it is made in.
function below(place: Place, path: string, key: string): Place {
  const isTypeMeta = place.path === '' && (key === 'kind' || key === 'apiVersion');
  return { ...place, path, correlation: isTypeMeta ? undefined : place.correlation?.field(key) };
}

function fieldName(path: string): string {
  return path === '' ? '<nil>' : path;
}
