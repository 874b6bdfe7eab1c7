// Reading a body: JSON.parse decides what is JSON; one pass over the text finds what JSON.parse keeps silent about
// (duplicate fields, depth, names that JavaScript treats specially).
import { ApiError } from '../../apis/index.ts';
import { jsonProblem } from './json-words.ts';

/** A body as JSON, not yet checked. */
export interface ParsedBody {
  readonly value: unknown;
  /** Paths of fields that stand twice in one object, e.g. `spec.steps[0].name`. */
  readonly duplicates: readonly string[];
}

const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype']);
const duplicatesMax = 20;

/** Parses a body. Errors: BadRequest (no JSON, too deep, a forbidden field name); `expected` is the kind for the message. */
export function parseBody(text: string, expected: string, depthMax: number): ParsedBody {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const why = jsonProblem(cause, text);
    const shown = text === '' ? '<empty>' : text.length > 200 ? `${text.slice(0, 200)}...` : text;
    throw new ApiError(
      'BadRequest',
      `the object provided is unrecognized (must be of type ${expected}): couldn't get version/kind; json parse error: ${why} (${shown})`,
      undefined,
      { cause },
    );
  }
  return { value, duplicates: scan(text, depthMax) };
}

/** Parses a patch in JSON. Errors: as of parseBody. */
export function parsePatch(text: string, depthMax: number): ParsedBody {
  try {
    return parseBody(text, 'Patch', depthMax);
  } catch (error) {
    if (!(error instanceof ApiError) || error.cause === undefined) throw error;
    throw new ApiError('BadRequest', `error decoding patch: ${jsonProblem(error.cause, text)}`, undefined, {
      cause: error.cause,
    });
  }
}

interface Frame {
  /** Undefined for an array. */
  readonly keys: Set<string> | undefined;
  key: string;
  index: number;
}

/** The paths of duplicate fields in `text`, which is JSON. Errors: BadRequest. */
function scan(text: string, depthMax: number): string[] {
  const duplicates: string[] = [];
  const frames: Frame[] = [];
  let expectsKey = false;
  for (let at = 0; at < text.length; at++) {
    const frame = frames[frames.length - 1];
    switch (text.charCodeAt(at)) {
      case 0x7b: // {
      case 0x5b: {
        // [
        const isObject = text.charCodeAt(at) === 0x7b;
        frames.push({ keys: isObject ? new Set() : undefined, key: '', index: 0 });
        expectsKey = isObject;
        if (frames.length > depthMax)
          throw new ApiError('BadRequest', `the body is nested deeper than ${depthMax} levels`);
        break;
      }
      case 0x7d: // }
      case 0x5d: // ]
        frames.pop();
        expectsKey = false;
        break;
      case 0x2c: // ,
        if (frame?.keys !== undefined) expectsKey = true;
        else if (frame !== undefined) frame.index++;
        break;
      case 0x22: {
        // "
        const end = endOfString(text, at);
        if (expectsKey && frame?.keys !== undefined) {
          frame.key = keyOf(text, at, end);
          if (forbiddenKeys.has(frame.key))
            throw new ApiError('BadRequest', `the field name "${frame.key}" is not allowed, at "${pathOf(frames)}"`);
          if (frame.keys.has(frame.key) && duplicates.length < duplicatesMax) duplicates.push(pathOf(frames));
          frame.keys.add(frame.key);
          expectsKey = false;
        }
        at = end;
        break;
      }
      default:
    }
  }
  return duplicates;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1;
  return at;
}

function keyOf(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end);
  return raw.includes('\\') ? String(JSON.parse(text.slice(start, end + 1))) : raw;
}

function pathOf(frames: readonly Frame[]): string {
  let path = '';
  for (const frame of frames) {
    if (frame.keys === undefined) path += `[${frame.index}]`;
    else path += path === '' ? frame.key : `.${frame.key}`;
  }
  return path;
}
