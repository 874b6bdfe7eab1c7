// Reads the bodies of answers. The only place where text from a server becomes objects of a kind.
import type { Readable } from 'node:stream';
import {
  ApiError,
  type ApiObject,
  apiVersionOf,
  type Kind,
  type ObjectList,
  type StatusDetails,
  type StatusReason,
  statusCodes,
  type WatchEvent,
} from '../apis/index.ts';
import type { RawResponse } from './raw.ts';

/** Longest answer that is read into memory; lists beyond it must be read in pages. */
export const bodyBytesMax = 256 * 1024 * 1024;
/** Longest line of a watch: an object may have about 1.5 MiB, and JSON escapes can multiply that. */
export const watchLineBytesMax = 16 * 1024 * 1024;

/** The whole body. Errors: Timeout when the connection broke in it, RequestEntityTooLarge beyond `bodyBytesMax`. */
export async function readBytes(response: RawResponse): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > bodyBytesMax) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw new ApiError('Timeout', `the connection broke within the answer: ${messageOf(cause)}`, undefined, { cause });
  }
  if (size > bodyBytesMax)
    throw new ApiError(
      'RequestEntityTooLarge',
      `the answer has more than ${bodyBytesMax} bytes: ask for less with limit`,
    );
  return Buffer.concat(chunks);
}

/** The answer's bytes, or throws the Status that it carries. */
export async function readAnswer(response: RawResponse): Promise<Buffer> {
  const bytes = await readBytes(response);
  if (response.status >= 200 && response.status < 300) return bytes;
  throw errorOf(response.status, bytes.toString('utf8'));
}

/** An object of `kind`. */
export function parseObject<T extends ApiObject>(_kind: Kind<T>, bytes: Buffer): T {
  return parseJson(bytes.toString('utf8')) as T;
}

/** A list; its items get the apiVersion and kind that servers leave out of lists. */
export function parseList<T extends ApiObject>(kind: Kind<T>, bytes: Buffer): ObjectList<T> {
  const list = parseJson(bytes.toString('utf8')) as { items?: T[] | null; metadata?: ObjectList<T>['metadata'] };
  const items = (list.items ?? []).map((item) => typed(kind, item));
  return { items, metadata: list.metadata ?? { resourceVersion: '' } };
}

/** One line of a watch. Throws the ApiError of an ERROR event. */
export function parseWatchLine<T extends ApiObject>(kind: Kind<T>, line: string): WatchEvent<T> {
  const { type, object } = parseJson(line) as { type: string; object: T };
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type, object: typed(kind, object) };
    case 'BOOKMARK': {
      const { resourceVersion = '', annotations } = object.metadata;
      return { type, resourceVersion, initialEventsEnd: annotations?.['k8s.io/initial-events-end'] === 'true' };
    }
    case 'ERROR':
      throw errorFromStatus(object, 500);
    default:
      throw new ApiError('InternalError', `the server sent a watch event of unknown type "${type}"`);
  }
}

/** The lines of a stream, without their ends. Errors: InternalError at a line longer than `watchLineBytesMax`. */
export async function* linesOf(body: Readable): AsyncIterable<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      parts.push(chunk.subarray(start, end));
      const line = (parts.length === 1 ? chunk.subarray(start, end) : Buffer.concat(parts)).toString('utf8');
      parts.length = 0;
      size = 0;
      start = end + 1;
      if (line.trim() !== '') yield line;
    }
    if (start === chunk.length) continue;
    size += chunk.length - start;
    if (size > watchLineBytesMax)
      throw new ApiError('InternalError', `the server sent a line of more than ${watchLineBytesMax} bytes`);
    parts.push(chunk.subarray(start));
  }
}

function errorOf(code: number, text: string): ApiError {
  try {
    return errorFromStatus(JSON.parse(text), code);
  } catch {
    return new ApiError(reasonOf(code), `the server answered ${code}: ${text.slice(0, 500)}`);
  }
}

function errorFromStatus(status: unknown, fallbackCode: number): ApiError {
  const { reason, message, details, code } = status as {
    reason?: string;
    message?: string;
    details?: StatusDetails;
    code?: number;
  };
  const known = Object.keys(statusCodes).find((name) => name === reason) as StatusReason | undefined;
  const unknown = reason === undefined && (code ?? fallbackCode) === statusCodes.Unknown ? 'Unknown' : undefined;
  return new ApiError(
    known ?? unknown ?? reasonOf(code ?? fallbackCode),
    message ?? 'the server gave no message',
    details,
  );
}

function reasonOf(code: number): StatusReason {
  const found = Object.entries(statusCodes).find(([, other]) => other === code);
  return (found?.[0] as StatusReason | undefined) ?? (code >= 400 && code < 500 ? 'BadRequest' : 'InternalError');
}

function typed<T extends ApiObject>(kind: Kind<T>, object: T): T {
  return object.kind === undefined ? { apiVersion: apiVersionOf(kind), kind: kind.kind, ...object } : object;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ApiError('InternalError', `the server's answer is not JSON: ${text.slice(0, 200)}`, undefined, { cause });
  }
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
