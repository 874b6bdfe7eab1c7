// pods/NAME/log: the log of a slice, asked for and refused in the words of Kubernetes, where kubectl logs and others know them.
import { ApiError, isApiError, type StatusCause, type TunnelRequest, type Unstructured } from '../../apis/index.ts';
import { at, textOf } from '../json.ts';
import { readTarget } from '../registry/registry.ts';
import { isTerminal } from '../registry/strategy.ts';
import * as cause from '../schema/causes.ts';
import { containerOf } from '../storage/projections/pod.ts';
import { type LogCall, passLog } from './logs.ts';
import { isTrue } from './request-info.ts';

/** Answers `pods/NAME/log` as text. Errors: BadRequest, Invalid, NotFound, ServiceUnavailable. */
export async function servePodLog(call: LogCall, abort: AbortController): Promise<void> {
  const options = podLogOptions(call.query);
  const slice = (await readTarget(call.registry, call.target)).object;
  const container = containerOf(slice);
  const name = slice.metadata.name ?? '';
  if (options.container !== '' && options.container !== container)
    throw new ApiError('BadRequest', `container ${options.container} is not valid for pod ${name}`);
  const node = textOf(at(slice, 'spec.nodeName'));
  const subject = `container "${container}" in pod "${name}"`;
  const attempt = attemptOf(slice) - (options.isPrevious ? 1 : 0);
  if (attempt < 1) throw noPrevious(subject);
  // The attempt before may have run anywhere; it is another pod, which may be gone, but its log outlives it.
  const nodes = new Set([...(node === undefined ? [] : [node]), ...(options.isPrevious ? call.tunnels.nodes() : [])]);
  if (node === undefined && !options.isPrevious) throw waiting(subject, 'it is not placed on a node yet');
  const request: TunnelRequest = {
    do: 'log',
    namespace: call.target.namespace ?? '',
    run: textOf(at(slice, 'spec.run')) ?? '',
    runUID: textOf(at(slice, 'spec.runUID')) ?? '',
    step: container,
    attempt,
    ...options.ofLog,
  };
  try {
    await passLog(call, request, [...nodes], abort, options.bytesMax);
  } catch (error) {
    if (call.response.headersSent || !isApiError(error, 'NotFound')) throw error;
    if (options.isPrevious) throw noPrevious(subject);
    if (!isTerminal(slice)) throw waiting(subject, 'ContainerCreating');
    throw new ApiError('BadRequest', `${subject} has no log: it never started, or its node no longer keeps it`);
  }
}

function attemptOf(slice: Unstructured): number {
  const attempt = at(slice, 'spec.attempt');
  return typeof attempt === 'number' ? attempt : 1;
}

function noPrevious(subject: string): ApiError {
  return new ApiError('BadRequest', `previous terminated ${subject} not found`);
}

function waiting(subject: string, why: string): ApiError {
  return new ApiError('BadRequest', `${subject} is waiting to start: ${why}`);
}

/** What is asked of a pod's log. */
export interface PodLogOptions {
  /** '' when none was named. */
  readonly container: string;
  readonly isPrevious: boolean;
  readonly bytesMax: number;
  /** For the agent. */
  readonly ofLog: Pick<
    Extract<TunnelRequest, { readonly do: 'log' }>,
    'follow' | 'tailLines' | 'sinceSeconds' | 'sinceTime' | 'timestamps'
  >;
}

/** Reads the parameters of a pod's log. Errors: BadRequest, Invalid. */
export function podLogOptions(query: URLSearchParams): PodLogOptions {
  const problems: StatusCause[] = [];
  const count = (field: string, min: number): number | undefined => {
    const text = query.get(field);
    if (text === null || text === '') return undefined;
    if (!/^-?\d{1,15}$/.test(text))
      throw new ApiError('BadRequest', `${field}: Invalid value: "${text}": it must be a whole number`);
    const value = Number(text);
    const least = min === 0 ? 'must be greater than or equal to 0' : 'must be greater than 0';
    if (value < min) problems.push(cause.invalid(field, value, least));
    return value;
  };
  const tailLines = count('tailLines', 0);
  const limitBytes = count('limitBytes', 1);
  const sinceSeconds = count('sinceSeconds', 1);
  const sinceTime = timeOf(query.get('sinceTime') ?? '');
  if (sinceSeconds !== undefined && sinceTime !== undefined)
    problems.push(cause.forbidden('sinceSeconds', 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  if (problems.length > 0) throw cause.invalidError({ group: '', kind: 'PodLogOptions' }, '', problems);
  return {
    container: query.get('container') ?? '',
    isPrevious: isTrue(query.get('previous')),
    bytesMax: limitBytes ?? Number.POSITIVE_INFINITY,
    ofLog: {
      ...(isTrue(query.get('follow')) ? { follow: true } : {}),
      ...(tailLines === undefined ? {} : { tailLines }),
      ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
      ...(sinceTime === undefined ? {} : { sinceTime }),
      ...(isTrue(query.get('timestamps')) ? { timestamps: true } : {}),
    },
  };
}

function timeOf(text: string): string | undefined {
  if (text === '') return undefined;
  const ms = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms))
    throw new ApiError('BadRequest', `sinceTime: Invalid value: "${text}": it must be a time as RFC 3339 has it`);
  return new Date(ms).toISOString();
}
