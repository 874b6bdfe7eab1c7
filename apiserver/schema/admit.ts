// A body becomes an object of its kind: pruned, defaulted, without what only the server may say, and every problem
// collected.
import {
  ApiError,
  apiVersionOf,
  type KindInfo,
  objectMetaSchema,
  type Schema,
  type StatusCause,
  type Unstructured,
} from '../../apis/index.ts';
import { isRecord, recordOf, textOf } from '../json.ts';
import { metaProblems } from './meta.ts';
import { walk } from './walker.ts';

/** An object after defaulting and pruning, and what is wrong with it. */
export interface Admitted {
  readonly object: Unstructured;
  readonly causes: readonly StatusCause[];
  readonly unknownFields: readonly string[];
}

const schemas = new Map<KindInfo, Schema>();

/** The schema of whole objects of a kind, apiVersion, kind and metadata included. */
export function rootSchema(info: KindInfo): Schema {
  let schema = schemas.get(info);
  if (schema === undefined) {
    schema = {
      type: 'object',
      description: info.schema.description,
      properties: {
        apiVersion: { type: 'string', description: 'Version of the schema of this object.' },
        kind: { type: 'string', description: 'Kind of this object.' },
        metadata: objectMetaSchema,
        ...info.schema.properties,
      },
      ...(info.schema.required === undefined ? {} : { required: info.schema.required }),
    };
    schemas.set(info, schema);
  }
  return schema;
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

/** Prunes, defaults and validates; never throws for what is merely wrong. */
export function admit(info: KindInfo, value: Record<string, unknown>): Admitted {
  const walked = walk(rootSchema(info), value);
  const fields = recordOf(walked.value);
  const metadata = { ...recordOf(fields.metadata) };
  // Field managers come with server-side apply; what tools send of them is dropped, as is what is no longer set.
  delete metadata.managedFields;
  delete metadata.selfLink;
  const object: Unstructured = { ...fields, metadata };
  const causes = [...metaProblems(info, metadata), ...walked.causes];
  return { object, causes, unknownFields: walked.unknownFields };
}
