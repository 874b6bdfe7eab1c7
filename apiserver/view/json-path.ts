// The part of JSONPath that printer columns use: `.a.b`, `.list[?(@.type=="Ready")].status`, `.list[0]`.
import { isRecord } from '../json.ts';

/** The value at a path, or undefined. Paths come from the table of kinds; one that cannot be read is a bug. */
export function jsonPath(object: unknown, path: string): unknown {
  let here: unknown = object;
  for (const step of stepsOf(path)) here = step(here);
  return here;
}

type Step = (value: unknown) => unknown;

/** One parsed path each; their number is that of the columns. */
const parsed = new Map<string, readonly Step[]>();

function stepsOf(path: string): readonly Step[] {
  let steps = parsed.get(path);
  if (steps === undefined) {
    steps = parse(path);
    parsed.set(path, steps);
  }
  return steps;
}

const stepPattern = /\.([A-Za-z_][\w-]*)|\[\?\(@\.(\w+)=="([^"]*)"\)\]|\[(\d+)\]/y;

function parse(path: string): Step[] {
  const steps: Step[] = [];
  stepPattern.lastIndex = 0;
  while (stepPattern.lastIndex < path.length) {
    const match = stepPattern.exec(path);
    if (match === null) throw new Error(`printer column path ${path} cannot be read`);
    const [, field, filterField, filterValue, index] = match;
    if (field !== undefined) {
      steps.push((value) => (isRecord(value) && Object.hasOwn(value, field) ? value[field] : undefined));
    } else if (filterField !== undefined) {
      steps.push((value) => listOf(value).find((item) => isRecord(item) && item[filterField] === filterValue));
    } else steps.push((value) => listOf(value)[Number(index)]);
  }
  return steps;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
