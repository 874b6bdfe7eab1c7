// What the paths of a scale subresource point at must be what it can show.
import { isRecord } from '../../json.ts';
import { invalidAt, type Problem } from './problem.ts';

/** The paths of a scale subresource, as a CustomResourceDefinition has them. */
export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string;
}

const replicasMax = 2 ** 31 - 1;

/** What is wrong with the values that a scale subresource shows. */
export function scaleProblems(paths: ScalePaths, value: unknown): readonly Problem[] {
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = paths;
  return [
    ...replicasProblems(specReplicasPath, value),
    ...replicasProblems(statusReplicasPath, value),
    ...(labelSelectorPath === undefined ? [] : selectorProblems(labelSelectorPath, value)),
  ];
}

function replicasProblems(path: string, root: unknown): Problem[] {
  const found = find(path, root, '0');
  if ('problem' in found) return [found.problem];
  const { value } = found;
  if (value === undefined) return [];
  if (typeof value !== 'number' || !Number.isInteger(value)) return [accessProblem(path, value, 'int64', '0')];
  if (value < 0) return [invalidAt(path, value, 'should be a non-negative integer')];
  return value > replicasMax ? [invalidAt(path, value, `should be less than or equal to ${replicasMax}`)] : [];
}

function selectorProblems(path: string, root: unknown): Problem[] {
  const found = find(path, root, '""');
  if ('problem' in found) return [found.problem];
  const { value } = found;
  return value === undefined || typeof value === 'string' ? [] : [accessProblem(path, value, 'string', '""')];
}

function find(path: string, root: unknown, zero: string): { value: unknown } | { problem: Problem } {
  let here: unknown = root;
  const names = path.replace(/^\./, '').split('.');
  for (const name of names) {
    if (here === undefined || here === null) return { value: undefined };
    if (!isRecord(here)) return { problem: accessProblem(path, here, 'map[string]interface{}', zero) };
    here = Object.hasOwn(here, name) ? here[name] : undefined;
  }
  return { value: here === null ? undefined : here };
}

function accessProblem(path: string, value: unknown, wanted: string, zero: string): Problem {
  const shown = typeof value === 'string' ? value : JSON.stringify(value);
  const detail = `${path} accessor error: ${shown} is of the type ${goType(value)}, expected ${wanted}`;
  const message = `Invalid value: ${zero}: ${detail}`;
  return { reason: 'FieldValueInvalid', field: path, message, blocks: false };
}

function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  switch (typeof value) {
    case 'number':
      return Number.isInteger(value) ? 'int64' : 'float64';
    case 'boolean':
      return 'bool';
    case 'string':
      return 'string';
    default:
      return 'map[string]interface {}';
  }
}
