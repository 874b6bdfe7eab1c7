// Query parameters of the verbs.
import { ApiError, type KindInfo } from '../../apis/index.ts';
import { arrayOf, isRecord, recordOf, textOf } from '../json.ts';
import type { DeleteOptions } from '../registry/delete.ts';
import type { ListOptions, Selection } from '../registry/list.ts';
import type { WriteOptions } from '../registry/registry.ts';
import * as cause from '../schema/causes.ts';
import { parseFieldSelector } from '../view/field-selector.ts';
import { parseLabelSelector } from '../view/label-selector.ts';

const metaGroup = 'meta.k8s.io';

/** dryRun and fieldValidation. Errors: Invalid. */
export function writeOptions(query: URLSearchParams, kind: string, warn: (message: string) => void): WriteOptions {
  const given = query.get('fieldValidation') ?? '';
  if (given !== '' && given !== 'Strict' && given !== 'Warn' && given !== 'Ignore') {
    throw optionsInvalid(kind, cause.notSupported('fieldValidation', given, ['', 'Ignore', 'Strict', 'Warn']));
  }
  return { dryRun: isDryRun(query.getAll('dryRun'), kind), fieldValidation: given === '' ? 'Warn' : given, warn };
}

/** What a list or watch selects. Errors: BadRequest. */
export function selection(query: URLSearchParams, info: KindInfo): Selection {
  return {
    labels: parseLabelSelector(query.get('labelSelector') ?? ''),
    fields: parseFieldSelector(query.get('fieldSelector') ?? '', info),
  };
}

/** Options of a list. Errors: BadRequest, Invalid. */
export function listOptions(query: URLSearchParams, info: KindInfo): ListOptions {
  const options = {
    ...selection(query, info),
    limit: Math.max(0, wholeNumber(query, 'limit') ?? 0),
    continueToken: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
  };
  const { resourceVersion, resourceVersionMatch: match } = options;
  if (match !== '') {
    if (resourceVersion === '') {
      throw optionsInvalid(
        'ListOptions',
        cause.forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'),
      );
    }
    if (options.continueToken !== '') {
      throw optionsInvalid(
        'ListOptions',
        cause.forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'),
      );
    }
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      throw optionsInvalid(
        'ListOptions',
        cause.notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']),
      );
    }
    if (match === 'Exact' && resourceVersion === '0') {
      throw optionsInvalid(
        'ListOptions',
        cause.forbidden('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
      );
    }
  }
  if (options.continueToken !== '' && resourceVersion !== '' && resourceVersion !== '0') {
    throw new ApiError('BadRequest', 'specifying resource version is not allowed when using continue');
  }
  return options;
}

/** What a client asked of a watch. */
export interface WatchQuery {
  readonly resourceVersion: string;
  readonly timeoutMs: number | undefined;
  readonly bookmarks: boolean;
  /** Undefined when the client did not say. */
  readonly sendInitialEvents: boolean | undefined;
}

/** Options of a watch beside its selection. Errors: BadRequest, Invalid. */
export function watchQuery(query: URLSearchParams): WatchQuery {
  const seconds = wholeNumber(query, 'timeoutSeconds');
  const given = query.get('sendInitialEvents');
  const match = query.get('resourceVersionMatch') ?? '';
  if (given !== null && match !== 'NotOlderThan') {
    throw optionsInvalid(
      'ListOptions',
      cause.forbidden(
        'resourceVersionMatch',
        'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      ),
    );
  }
  if (given === null && match !== '') {
    throw optionsInvalid(
      'ListOptions',
      cause.forbidden(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      ),
    );
  }
  return {
    resourceVersion: query.get('resourceVersion') ?? '',
    timeoutMs: seconds === undefined || seconds <= 0 ? undefined : seconds * 1000,
    bookmarks: isOn(query.get('allowWatchBookmarks')),
    sendInitialEvents: given === null ? undefined : isOn(given),
  };
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
  if (typeof given === 'number' && Number.isSafeInteger(given) && given >= 0 && given <= graceSecondsMax) return given;
  throw optionsInvalid(
    'DeleteOptions',
    cause.invalid('gracePeriodSeconds', given, `must be a whole number of seconds from 0 to ${graceSecondsMax}`),
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

function isOn(value: string | null): boolean {
  return value !== null && value !== '0' && value.toLowerCase() !== 'false';
}

function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (/^-?\d{1,15}$/.test(text)) return value;
  throw new ApiError('BadRequest', `${name}: Invalid value: "${text}": it must be a whole number`);
}

function optionsInvalid(kind: string, problem: Parameters<typeof cause.invalidError>[2][number]): ApiError {
  return cause.invalidError({ group: metaGroup, kind }, '', [problem]);
}
