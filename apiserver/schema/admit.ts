// A body becomes an object of its kind: pruned, defaulted, without what only the server may say, and every problem
// collected.
import {
  ApiError,
  apiVersionOf,
  type KindInfo,
  kinds,
  objectMetaSchema,
  type Schema,
  type StatusCause,
  type Unstructured,
} from '../../apis/index.ts';
import { isRecord, type JsonRecord, recordOf, textOf } from '../json.ts';
import { invalid, invalidError } from './causes.ts';
import { admitCustom, asReadCustom } from './custom/admit-custom.ts';
import { unknownKeywords } from './custom/definition.ts';
import { metaProblems } from './meta.ts';
import { walk } from './walker.ts';

/** An object after defaulting and pruning, and what is wrong with it. */
export interface Admitted {
  readonly object: Unstructured;
  readonly causes: readonly StatusCause[];
  readonly unknownFields: readonly string[];
}

const schemas = new WeakMap<KindInfo, Schema>();

/** The schema of whole objects of a kind, apiVersion, kind and metadata included. */
export function rootSchema(info: KindInfo): Schema {
  let schema = schemas.get(info);
  if (schema === undefined) {
    const { root } = info.schema;
    schema = {
      ...root,
      type: 'object',
      description: info.schema.description,
      properties: {
        apiVersion: { type: 'string', description: 'Version of the schema of this object.' },
        kind: { type: 'string', description: 'Kind of this object.' },
        metadata: objectMetaSchema,
        ...(root === undefined ? info.schema.properties : withoutMeta(root)),
      },
      ...(info.schema.required === undefined ? {} : { required: info.schema.required }),
    };
    schemas.set(info, schema);
  }
  return schema;
}

// What a user's schema says of metadata restricts names only, and is not what is published of it.
function withoutMeta(root: Schema): Readonly<Record<string, Schema>> {
  const { metadata: _metadata, ...properties } = root.properties ?? {};
  return properties;
}

/** Checks that `value` is an object of the kind at all. Errors: BadRequest. */
export function checkKind(info: KindInfo, value: unknown): Record<string, unknown> {
  const version = apiVersionOf(info);
  if (!isRecord(value)) {
    throw new ApiError(
      'BadRequest',
      `${info.kind} in version "${info.version}" cannot be handled as a ${info.kind}: the body must be a JSON object`,
    );
  }
  if (textOf(value.kind) === undefined || value.kind === '') {
    throw new ApiError(
      'BadRequest',
      `${info.kind} in version "${info.version}" cannot be handled as a ${info.kind}: Object 'Kind' is missing in '${JSON.stringify(value).slice(0, 200)}'`,
    );
  }
  if (value.apiVersion !== version || value.kind !== info.kind) {
    if (info.definition !== undefined) throw otherKind(info, value);
    throw new ApiError(
      'BadRequest',
      `the object provided is ${textOf(value.apiVersion) ?? 'of no apiVersion'}, Kind=${textOf(value.kind) ?? ''}; this resource takes ${version}, Kind=${info.kind}`,
    );
  }
  if (value.metadata !== undefined && value.metadata !== null && !isRecord(value.metadata)) {
    throw new ApiError(
      'BadRequest',
      `${info.kind} in version "${info.version}" cannot be handled as a ${info.kind}: metadata must be an object`,
    );
  }
  return value;
}

// Kubernetes takes a user's object for whatever it says that it is, and then finds it to be of the wrong kind.
function otherKind(info: KindInfo, value: Record<string, unknown>): ApiError {
  const [apiVersion, kind] = [textOf(value.apiVersion) ?? '', textOf(value.kind) ?? ''];
  const wanted = apiVersionOf(info);
  const causes = [
    ...(kind === info.kind ? [] : [invalid('kind', kind, `must be ${info.kind}`)]),
    ...(apiVersion === wanted ? [] : [invalid('apiVersion', apiVersion, `must be ${wanted}`)]),
  ];
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
  return invalidError({ group, kind }, textOf(recordOf(value.metadata).name) ?? '', causes);
}

/**
 * Prunes, defaults and validates; never throws for what is merely wrong. `before` is the object as it was, on updates, and
 * `subresource` what of it is written: a user's kind does not hold against an object what did not change, and checks status
 * only with the rest as it is, and the rest only with the status that there is.
 */
export function admit(
  info: KindInfo,
  value: Record<string, unknown>,
  before?: Unstructured,
  subresource?: string,
): Admitted {
  const { root } = info.schema;
  if (root !== undefined) return admitUsers(info, root, withStanding(info, value, before, subresource), before);
  const walked = walk(rootSchema(info), value);
  const fields = recordOf(walked.value);
  const metadata = { ...recordOf(fields.metadata) };
  // Who owns the fields is reckoned when they are known (registry/owners.ts); selfLink is no longer set.
  delete metadata.managedFields;
  delete metadata.selfLink;
  const object: Unstructured = { ...fields, metadata };
  const causes = [...metaProblems(info, metadata), ...walked.causes];
  const keywords = info === kinds.customResourceDefinitions ? unknownKeywords(fields) : [];
  return { object, causes, unknownFields: [...walked.unknownFields, ...keywords] };
}

/**
 * An object of a user's kind as it is read: pruned and defaulted by the schema of today, itself when nothing changes, which
 * costs a look at each field. Objects of built-in kinds are what they are.
 */
export function asRead(info: KindInfo, object: Unstructured): Unstructured {
  const { root } = info.schema;
  if (root === undefined) return object;
  const shown = asReadCustom(root, object);
  return shown === object ? object : { ...shown, metadata: object.metadata };
}

// What a request does not write is what it was.
function withStanding(
  info: KindInfo,
  value: JsonRecord,
  before: Unstructured | undefined,
  subresource: string | undefined,
): JsonRecord {
  if (!info.subresources.includes('status')) return value;
  const { status, ...fields } = value;
  if (subresource !== 'status')
    return { ...fields, ...(before?.status === undefined ? {} : { status: before.status }) };
  if (before === undefined) return value;
  const { status: _old, ...standing } = before;
  const { apiVersion, kind, metadata } = value;
  return { ...standing, apiVersion, kind, metadata, ...(status === undefined ? {} : { status }) };
}

function admitUsers(info: KindInfo, root: Schema, value: JsonRecord, before: Unstructured | undefined): Admitted {
  const walked = walk(objectMetaSchema, value.metadata ?? {}, 'metadata');
  const metadata = { ...recordOf(walked.value) };
  delete metadata.managedFields;
  delete metadata.selfLink;
  const old = before === undefined ? undefined : asRead(info, before);
  const custom = admitCustom(root, { ...value, metadata }, old, info.scale);
  return {
    object: { ...custom.value, metadata },
    causes: [...metaProblems(info, metadata), ...walked.causes, ...custom.causes],
    unknownFields: [...walked.unknownFields, ...custom.unknownFields],
  };
}
