import type { ServerResponse } from 'node:http';
import { ApiError, isApiError } from '../../apis/index.ts';
import { BarnError } from '../../barn/index.ts';
import type { Log } from '../../base/index.ts';

/** Answers with JSON. */
export function sendJson(response: ServerResponse, code: number, body: unknown): void {
  const bytes = Buffer.from(`${JSON.stringify(body)}\n`);
  if (!response.hasHeader('content-type')) response.setHeader('content-type', 'application/json');
  response.writeHead(code, { 'content-length': bytes.length, 'cache-control': 'no-cache, private' });
  response.end(bytes);
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
  sendJson(response, refusal.code, refusal.toStatus());
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
    default:
      return undefined;
  }
}
