// Query parameters of lists and watches.
import { ApiError, type KindInfo, type StatusCause } from '../../apis/index.ts';
import type { ListOptions, Selection } from '../registry/list.ts';
import * as cause from '../schema/causes.ts';
import { parseFieldSelector } from '../view/field-selector.ts';
import { parseLabelSelector } from '../view/label-selector.ts';

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
  refuse(listProblems(options, query.has('sendInitialEvents')));
  return options;
}

const matchField = 'resourceVersionMatch';

function listProblems(
  { resourceVersion, resourceVersionMatch: match, continueToken }: ListOptions,
  sendsInitialEvents: boolean,
): StatusCause[] {
  const problems: StatusCause[] = [];
  if (match !== '') {
    if (resourceVersion === '')
      problems.push(
        cause.forbidden(matchField, 'resourceVersionMatch is forbidden unless resourceVersion is provided'),
      );
    if (continueToken !== '')
      problems.push(cause.forbidden(matchField, 'resourceVersionMatch is forbidden when continue is provided'));
    if (match !== 'Exact' && match !== 'NotOlderThan')
      problems.push(cause.notSupported(matchField, match, ['Exact', 'NotOlderThan', '']));
    if (match === 'Exact' && resourceVersion === '0')
      problems.push(cause.forbidden(matchField, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  if (sendsInitialEvents)
    problems.push(cause.forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  return problems;
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
  refuse(watchProblems(query, given !== null));
  return {
    resourceVersion: query.get('resourceVersion') ?? '',
    timeoutMs: seconds === undefined || seconds <= 0 ? undefined : seconds * 1000,
    bookmarks: isOn(query.get('allowWatchBookmarks')),
    sendInitialEvents: given === null ? undefined : isOn(given),
  };
}

function watchProblems(query: URLSearchParams, saysInitialEvents: boolean): StatusCause[] {
  const match = query.get(matchField) ?? '';
  const problems: StatusCause[] = [];
  if (saysInitialEvents && match !== 'NotOlderThan')
    problems.push(
      cause.forbidden(matchField, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'),
    );
  if (match === '') return problems;
  if (!saysInitialEvents)
    problems.push(
      cause.forbidden(matchField, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'),
    );
  if (match !== 'NotOlderThan') problems.push(cause.notSupported(matchField, match, ['NotOlderThan']));
  if ((query.get('continue') ?? '') !== '')
    problems.push(cause.forbidden(matchField, 'resourceVersionMatch is forbidden when continue is provided'));
  return problems;
}

function refuse(problems: readonly StatusCause[]): void {
  if (problems.length > 0) throw cause.invalidError({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', problems);
}

/** A parameter that is on or off. */
export function isOn(value: string | null): boolean {
  return value !== null && value !== '0' && value.toLowerCase() !== 'false';
}

/** A parameter that is a whole number, or undefined. Errors: BadRequest. */
export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (/^-?\d{1,15}$/.test(text)) return value;
  throw new ApiError('BadRequest', `${name}: Invalid value: "${text}": it must be a whole number`);
}
