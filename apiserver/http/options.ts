// Query parameters of the verbs that write.
import { ApiError } from '../../apis/index.ts';
import { arrayOf, isRecord, recordOf, textOf } from '../json.ts';
import { managerOf, managerProblems } from '../managed/index.ts';
import type { DeleteOptions } from '../registry/delete.ts';
import type { WriteOptions } from '../registry/registry.ts';
import * as cause from '../schema/causes.ts';
import { isOn, wholeNumber } from './reading-options.ts';

const metaGroup = 'meta.k8s.io';

/** dryRun, fieldValidation and fieldManager. Errors: Invalid. */
export function writeOptions(
  query: URLSearchParams,
  kind: string,
  userAgent: string | undefined,
  warn: (message: string) => void,
): WriteOptions & { readonly manager: string } {
  const manager = query.get('fieldManager') ?? '';
  const problems = managerProblems(manager);
  if (problems.length > 0) throw cause.invalidError({ group: metaGroup, kind }, '', problems);
  const given = query.get('fieldValidation') ?? '';
  if (given !== '' && given !== 'Strict' && given !== 'Warn' && given !== 'Ignore') {
    throw optionsInvalid(kind, cause.notSupported('fieldValidation', given, ['', 'Ignore', 'Strict', 'Warn']));
  }
  return {
    dryRun: isDryRun(query.getAll('dryRun'), kind),
    fieldValidation: given === '' ? 'Warn' : given,
    manager: managerOf(manager, userAgent),
    warn,
  };
}

/** Whether a patch may take what others own; an apply must name its manager. Errors: Invalid. */
export function patchForce(query: URLSearchParams, isApply: boolean): boolean {
  const force = query.get('force');
  if (isApply && (query.get('fieldManager') ?? '') === '') {
    throw optionsInvalid('PatchOptions', cause.required('fieldManager', 'is required for apply patch'));
  }
  if (!isApply && force !== null) {
    throw optionsInvalid('PatchOptions', cause.forbidden('force', 'may not be specified for non-apply patch'));
  }
  return isOn(force);
}

/** Options of a delete, from its body and query. Errors: BadRequest, Invalid. */
export function deleteOptions(query: URLSearchParams, body: unknown): DeleteOptions {
  const fields = recordOf(body);
  if (body !== undefined && (!isRecord(body) || (fields.kind !== undefined && fields.kind !== 'DeleteOptions'))) {
    throw new ApiError('BadRequest', 'the body of a delete must be a DeleteOptions object');
  }
  const policy = textOf(fields.propagationPolicy) ?? query.get('propagationPolicy') ?? undefined;
  const orphan = fields.orphanDependents ?? query.get('orphanDependents') ?? undefined;
  if (policy !== undefined && orphan !== undefined) {
    throw optionsInvalid(
      'DeleteOptions',
      cause.invalid('propagationPolicy', policy, 'orphanDependents and deletionPropagation cannot be both set'),
    );
  }
  const chosen =
    policy ?? (orphan === undefined ? undefined : orphan === true || orphan === 'true' ? 'Orphan' : 'Background');
  if (chosen !== undefined && chosen !== 'Background' && chosen !== 'Foreground' && chosen !== 'Orphan') {
    throw optionsInvalid(
      'DeleteOptions',
      cause.notSupported('propagationPolicy', chosen, ['Foreground', 'Background', 'Orphan', 'nil']),
    );
  }
  const preconditions = recordOf(fields.preconditions);
  const uid = textOf(preconditions.uid);
  const resourceVersion = textOf(preconditions.resourceVersion);
  const dryRun = [...query.getAll('dryRun'), ...arrayOf(fields.dryRun).map(String)];
  const gracePeriodSeconds = graceOf(fields.gracePeriodSeconds ?? wholeNumber(query, 'gracePeriodSeconds'));
  return {
    dryRun: isDryRun(dryRun, 'DeleteOptions'),
    ...(chosen === undefined ? {} : { propagationPolicy: chosen }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
  };
}

/** A year: more is a mistake, and its end may be no date any more. */
const graceSecondsMax = 366 * 24 * 3600;

function graceOf(given: unknown): number | undefined {
  if (given === undefined || given === null) return undefined;
  // Less than none is one second, as in Kubernetes.
  if (typeof given === 'number' && Number.isSafeInteger(given) && given <= graceSecondsMax)
    return given < 0 ? 1 : given;
  throw optionsInvalid(
    'DeleteOptions',
    cause.invalid('gracePeriodSeconds', given, `must be a whole number of seconds up to ${graceSecondsMax}`),
  );
}

function isDryRun(values: readonly string[], kind: string): boolean {
  const given = values.filter((value) => value !== '');
  const bad = given.find((value) => value !== 'All');
  if (bad === undefined) return given.length > 0;
  const list = given.map((value) => `"${value}"`).join(', ');
  throw optionsInvalid(kind, {
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: []string{${list}}: supported values: "All"`,
    field: 'dryRun',
  });
}

function optionsInvalid(kind: string, problem: Parameters<typeof cause.invalidError>[2][number]): ApiError {
  return cause.invalidError({ group: metaGroup, kind }, '', [problem]);
}
