// Schemas of users' kinds as OpenAPI publishes them. Version 3 says all of them; version 2 has no words for a part, and
// kubectl reads the rest of it too strictly, so Kubernetes leaves that out, and so do we.
import { isRecord, type JsonRecord, recordOf, stringsOf } from '../json.ts';
import { publishedKeywords } from './openapi-keywords.ts';
import type { OpenApiSchema, OpenApiVersion } from './openapi-schema.ts';

const copied = [
  ...publishedKeywords,
  'title',
  'description',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minProperties',
  'maxProperties',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
  'x-kubernetes-map-type',
  'x-kubernetes-validations',
] as const;
/** Only of version 3. */
const logical = ['allOf', 'anyOf', 'oneOf'] as const;

/** The published form of a user's schema; `embedded` are the fields of whole objects inside it. */
export function publishCustom(
  schema: unknown,
  version: OpenApiVersion,
  embedded: Readonly<Record<string, OpenApiSchema>>,
): OpenApiSchema {
  const given = recordOf(schema);
  const inner = (child: unknown) => publishCustom(child, version, embedded);
  const result: OpenApiSchema = {};
  for (const key of copied) if (given[key] !== undefined) Object.assign(result, { [key]: given[key] });
  if (version === 3) {
    if (given.nullable === true) Object.assign(result, { nullable: true });
    for (const key of logical)
      if (Array.isArray(given[key])) Object.assign(result, { [key]: given[key].map((child: unknown) => inner(child)) });
    if (isRecord(given.not)) Object.assign(result, { not: inner(given.not) });
  }
  const { properties, items, additionalProperties } = given;
  if (version === 2 && given.nullable === true) {
    // Without a type kubectl takes anything, null too.
    delete result.type;
    return result;
  }
  // kubectl refuses what a list of fields does not name.
  if (version === 2 && given['x-kubernetes-preserve-unknown-fields'] === true) return result;
  if (isRecord(properties)) {
    result.properties = Object.fromEntries(Object.entries(properties).map(([key, child]) => [key, inner(child)]));
    if (version === 2) Object.assign(result, required(given, properties));
  }
  if (given['x-kubernetes-embedded-resource'] === true) result.properties = { ...embedded, ...result.properties };
  if (isRecord(items)) result.items = inner(items);
  if (isRecord(additionalProperties)) result.additionalProperties = inner(additionalProperties);
  else if (version === 3 && additionalProperties !== undefined) Object.assign(result, { additionalProperties });
  return result;
}

// A field that may be null may as well be left out, as far as version 2 can say.
function required(schema: JsonRecord, properties: JsonRecord): Pick<OpenApiSchema, 'required'> {
  const names = stringsOf(schema.required);
  return names.length === 0 ? {} : { required: names.filter((name) => recordOf(properties[name]).nullable !== true) };
}
