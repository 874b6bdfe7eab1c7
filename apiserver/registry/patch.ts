import jsonPatch from 'fast-json-patch';
import { ApiError, isKubernetesOwn, type Unstructured } from '../../apis/index.ts';
import { arrayOf, isRecord, recordOf, textOf } from '../json.ts';
import { rootSchema } from '../schema/admit.ts';
import * as cause from '../schema/causes.ts';
import { mergePatch } from './merge-patch.ts';
import { checkName, type Registry, type Target, type WriteOptions } from './registry.ts';
import { strategicPatch } from './strategic-patch.ts';
import { change } from './update.ts';

/** The kinds of patches that say what changes, by what their media types are called in messages. */
export type PatchType = 'merge' | 'json' | 'strategic';

const operationsMax = 10_000;

const mediaTypes: Readonly<Record<string, PatchType | 'apply'>> = {
  'application/apply-patch+yaml': 'apply',
  'application/merge-patch+json': 'merge',
  'application/json-patch+json': 'json',
  'application/strategic-merge-patch+json': 'strategic',
};

/** The type of patch that a media type names, if the target takes it. Errors: UnsupportedMediaType. */
export function patchTypeOf(target: Target, mediaType: string): PatchType | 'apply' {
  const type = mediaTypes[mediaType];
  const takesStrategic = isKubernetesOwn(target.info);
  if (type !== undefined && (type !== 'strategic' || takesStrategic)) return type;
  const accepted = [
    'application/json-patch+json',
    'application/merge-patch+json',
    ...(takesStrategic ? ['application/strategic-merge-patch+json'] : []),
    'application/apply-patch+yaml',
  ];
  const what = 'the body of the request was in an unknown format';
  throw new ApiError('UnsupportedMediaType', `${what} - accepted media types include: ${accepted.join(', ')}`);
}

/** Changes what a patch says. Errors: as of update, and Invalid or BadRequest when the patch does not fit. */
export function patch(
  registry: Registry,
  target: Target,
  type: PatchType,
  body: unknown,
  options: WriteOptions,
): Promise<Unstructured> {
  if (type === 'json') checkOperations(body);
  else if (!isRecord(body)) {
    const what = `json: cannot unmarshal ${jsonTypeOf(body)} into Go value of type map[string]interface {}`;
    throw new ApiError('BadRequest', type === 'merge' ? `error decoding patch: ${what}` : what);
  }
  return change(registry, target, (current) => ({ object: patched(target, type, current, body) }), {
    ...options,
    strictly: (problem) => badPatch(body, problem),
  });
}

/** The refusal of a patch whose result a strict reader does not take. */
export function badPatch(body: unknown, problem: string): ApiError {
  const why = cause.invalid('patch', JSON.stringify(body), problem);
  return new ApiError('Invalid', ` "" is invalid: patch: ${why.message}`, { causes: [why] });
}

function patched(target: Target, type: PatchType, current: Unstructured, body: unknown): Record<string, unknown> {
  const result = recordOf(applied(target, type, current, body));
  const metadata = recordOf(result.metadata);
  checkName(target, textOf(metadata.name) ?? '');
  const namespace = textOf(metadata.namespace) ?? '';
  if (namespace !== (current.metadata.namespace ?? '')) {
    throw new ApiError(
      'BadRequest',
      `the namespace of the object (${namespace}) does not match the namespace on the request (${target.namespace ?? ''})`,
    );
  }
  if (result.kind !== current.kind || result.apiVersion !== current.apiVersion) {
    throw new ApiError('BadRequest', 'a patch cannot change apiVersion or kind');
  }
  return result;
}

/** What a patch makes of an object. Errors: Invalid, BadRequest when it does not fit. */
export function applied(target: Target, type: PatchType, current: Unstructured, body: unknown): unknown {
  switch (type) {
    case 'merge':
      return mergePatch(current, body);
    case 'strategic':
      return strategicPatch(rootSchema(target.info), current, body);
    case 'json':
      return applyOperations(current, arrayOf(body));
    default:
      return type satisfies never;
  }
}

function checkOperations(body: unknown): void {
  if (!Array.isArray(body)) {
    throw new ApiError(
      'BadRequest',
      `json: cannot unmarshal ${jsonTypeOf(body)} into Go value of type jsonpatch.Patch`,
    );
  }
  if (body.length > operationsMax) {
    throw new ApiError(
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${operationsMax}, got ${body.length}`,
    );
  }
  for (const operation of body) {
    // The library reads 01 as 1; RFC 6901 forbids leading zeros.
    const paths = isRecord(operation) ? [textOf(operation.path), textOf(operation.from)] : [];
    if (paths.some((path) => path !== undefined && /\/0\d+(\/|$)/.test(path))) throw unfit();
  }
}

function jsonTypeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function applyOperations(current: Unstructured, operations: readonly unknown[]): unknown {
  try {
    return jsonPatch.applyPatch<unknown>(structuredClone(current), operationsOf(operations), true, true, true)
      .newDocument;
  } catch (error) {
    throw unfit(error);
  }
}

// The library itself refuses what is no operation.
function operationsOf(operations: readonly unknown[]): jsonPatch.Operation[] {
  return operations as jsonPatch.Operation[];
}

function unfit(error?: unknown): ApiError {
  const message = 'the server rejected our request due to an error in our request';
  return new ApiError('Invalid', message, {}, { cause: error });
}
