import type { ServerResponse } from 'node:http';
import { ApiError, isApiError, notDoneHereHeader } from '../../apis/index.ts';
import { BarnError } from '../../barn/index.ts';
import type { Log } from '../../base/index.ts';
import { yamlOf } from '../view/yaml.ts';
import { sendWhole, yamlMediaType } from './bodies.ts';
import { negotiateAnswer } from './negotiate.ts';
import { protobufMediaType } from './protobuf.ts';
import { encodeStatus, takesOnlyProtobuf } from './protobuf-status.ts';

/** Answers with JSON, or with YAML to who prefers it. */
export function sendJson(response: ServerResponse, code: number, body: unknown): void {
  if (prefersYaml(response)) return sendWhole(response, code, Buffer.from(yamlOf(body)), yamlMediaType);
  sendWhole(response, code, Buffer.from(`${JSON.stringify(body)}\n`), 'application/json');
}

// Discovery names its own media types, of which none is YAML.
function prefersYaml(response: ServerResponse): boolean {
  const { accept } = response.req.headers;
  if (accept === undefined || !accept.includes('yaml') || response.hasHeader('content-type')) return false;
  try {
    return negotiateAnswer(accept).encoding === 'yaml';
  } catch {
    // Nothing that it takes is ours: a refusal goes out as JSON.
    return false;
  }
}

/** Answers with plain text. */
export function sendText(response: ServerResponse, code: number, text: string): void {
  if (!response.hasHeader('content-type')) response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.writeHead(code, {
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-cache, private',
    'x-content-type-options': 'nosniff',
  });
  response.end(text);
}

/** Answers with the Status of an error; what is no refusal is logged and told without its inside. */
export function sendError(response: ServerResponse, error: unknown, log: Log): void {
  const refusal = refusalOf(error, log);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (refusal.code === 413) response.setHeader('connection', 'close');
  const retryAfter = refusal.details?.retryAfterSeconds;
  if (retryAfter !== undefined) response.setHeader('retry-after', String(retryAfter));
  const notDone = notDoneHere(error, response.req.method ?? '');
  if (notDone !== undefined) response.setHeader(notDoneHereHeader, notDone);
  if (takesOnlyProtobuf(response.req.headers.accept)) sendProtobufStatus(response, refusal);
  else sendJson(response, refusal.code, refusal.toStatus());
}

function sendProtobufStatus(response: ServerResponse, refusal: ApiError): void {
  const bytes = encodeStatus(refusal.toStatus());
  response.writeHead(refusal.code, {
    'content-type': protobufMediaType,
    'content-length': bytes.length,
    'cache-control': 'no-cache, private',
  });
  response.end(bytes);
}

/** An error as the API tells it. */
export function refusalOf(error: unknown, log: Log): ApiError {
  if (isApiError(error)) return error;
  if (error instanceof BarnError) {
    const known = barnRefusal(error);
    if (known !== undefined) return known;
  }
  log.error('request failed', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  return new ApiError(
    'InternalError',
    'Internal error occurred: the server could not finish the request; its log says why',
  );
}

/**
 * Runs what follows a write in the same request. The store's word that nothing was done is true of one transaction only:
 * after an earlier one the request as a whole must not be sent again as if it were new.
 */
export async function afterWrite<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof BarnError) || error.reason !== 'NoLeader') throw error;
    throw new BarnError('Unknown', `a part of the request was done, then the store had no leader: ${error.message}`, {
      cause: error,
    });
  }
}

/** Why this server did nothing and another one may be asked instead, if that is so. */
function notDoneHere(error: unknown, method: string): string | undefined {
  if (!(error instanceof BarnError)) return undefined;
  const isRead = method === 'GET' || method === 'HEAD';
  switch (error.reason) {
    case 'NoLeader':
      return error.reason;
    // A write may have been under way when the store ended.
    case 'Closed':
    case 'Storage':
    case 'Corrupt':
      return isRead ? error.reason : undefined;
    default:
      return undefined;
  }
}

function barnRefusal(error: BarnError): ApiError | undefined {
  switch (error.reason) {
    case 'TooLarge':
      return new ApiError('RequestEntityTooLarge', `etcdserver: request is too large: ${error.message}`);
    case 'Overloaded':
      return new ApiError('TooManyRequests', 'the store has too much to do; try again later', { retryAfterSeconds: 1 });
    case 'Compacted':
      return new ApiError('Expired', error.message);
    case 'Closed':
      return new ApiError('ServiceUnavailable', 'the server is stopping', { retryAfterSeconds: 1 });
    case 'NoLeader':
      return new ApiError('ServiceUnavailable', `the store has no leader, nothing was done: ${error.message}`, {
        retryAfterSeconds: 1,
      });
    case 'Unknown':
      return new ApiError('Timeout', `the outcome is unknown, look before you repeat it: ${error.message}`);
    case 'NoSpace':
      return new ApiError(
        'InsufficientStorage',
        `${error.message} (runictl barn alarm list, and once there is room: runictl barn alarm disarm)`,
      );
    case 'Membership':
      return new ApiError('Conflict', `the members cannot be changed so now: ${error.message}`);
    default:
      return undefined;
  }
}
