// The body of an apply: YAML, of which JSON is a part. Most clients send JSON, which is read as such.
import { LineCounter, parseDocument } from 'yaml';
import { ApiError } from '../../apis/index.ts';
import { isRecord, type JsonRecord } from '../json.ts';
import type { ApiLimits } from '../limits.ts';
import { parseBody } from '../schema/parse.ts';
import { aliasesMax, checkDepth, yamlBytesMax, yamlOptions } from '../schema/parse-yaml.ts';

const duplicatesMax = 20;
const converting = 'error converting YAML to JSON: yaml:';

/** A configuration, and what a strict reader says of it. */
export interface ConfigurationBody {
  readonly value: JsonRecord;
  /** Undefined when no field stands twice. */
  readonly problem: string | undefined;
}

/** The configuration in a body. Errors: BadRequest, RequestEntityTooLarge. */
export function parseConfiguration(
  text: string,
  limits: Pick<ApiLimits, 'depthMax' | 'bodyBytesMax'>,
): ConfigurationBody {
  const json = jsonIn(text, limits);
  const yaml = json === undefined ? readYaml(text, limits) : undefined;
  const value = json?.value ?? yaml?.value;
  if (!isRecord(value)) throw undecodable('the configuration is no mapping');
  return { value, problem: json === undefined ? yaml?.problem : duplicatesIn(text, json.duplicates, limits) };
}

// In the words of the reader of YAML, which knows lines; what is too long for it is told by paths.
function duplicatesIn(
  text: string,
  paths: readonly string[],
  limits: Pick<ApiLimits, 'depthMax' | 'bodyBytesMax'>,
): string | undefined {
  if (paths.length === 0) return undefined;
  if (Buffer.byteLength(text) <= yamlBytesMax) return readYaml(text, limits).problem;
  return paths.map((path) => `duplicate field "${path}"`).join(', ');
}

function jsonIn(text: string, { depthMax }: Pick<ApiLimits, 'depthMax'>): ReturnType<typeof parseBody> | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    return parseBody(text, 'Patch', depthMax);
  } catch (error) {
    // A flow mapping of YAML begins so too.
    if (error instanceof ApiError && error.cause instanceof SyntaxError) return undefined;
    throw error;
  }
}

function readYaml(text: string, limits: Pick<ApiLimits, 'depthMax' | 'bodyBytesMax'>) {
  if (Buffer.byteLength(text) > yamlBytesMax) {
    throw new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${yamlBytesMax} in YAML`);
  }
  checkDepth(text, limits.depthMax);
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { ...yamlOptions, lineCounter });
  const wrong = document.errors.find(({ code }) => code !== 'DUPLICATE_KEY');
  if (wrong !== undefined) throw undecodable(`line ${lineCounter.linePos(wrong.pos[0]).line}: ${wrong.message}`);
  const twice = document.errors
    .slice(0, duplicatesMax)
    .map(({ pos: [at] }) => `line ${lineCounter.linePos(at).line}: key ${keyAt(text, at)} already set in map`);
  return {
    value: plain(document, limits),
    problem: twice.length === 0 ? undefined : `${converting} unmarshal errors:\n  ${twice.join('\n  ')}`,
  };
}

// By way of JSON, so that what is refused in JSON (depth, some names) is refused here, and nothing else comes through.
function plain(document: ReturnType<typeof parseDocument>, limits: Pick<ApiLimits, 'depthMax' | 'bodyBytesMax'>) {
  let json: string | undefined;
  try {
    json = JSON.stringify(document.toJS({ maxAliasCount: aliasesMax }));
  } catch (cause) {
    throw undecodable(cause instanceof Error ? cause.message : String(cause));
  }
  if (json === undefined) return undefined;
  if (json.length > limits.bodyBytesMax) {
    throw new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${limits.bodyBytesMax}`);
  }
  return parseBody(json, 'Patch', limits.depthMax).value;
}

function keyAt(text: string, at: number): string {
  const [key = ''] = /^("(?:[^"\\]|\\.)*"|'[^']*'|[^:\s]+)/.exec(text.slice(at, at + 256)) ?? [];
  return key.startsWith('"') ? key : JSON.stringify(key.replace(/^'|'$/g, ''));
}

function undecodable(why: string): ApiError {
  return new ApiError('BadRequest', `error decoding patch: ${converting} ${why}`);
}
