// OpenAPI v2 as the protobuf message openapi.v2.Document, by field number
// (https://github.com/google/gnostic/blob/main/openapiv2/OpenAPIv2.proto). kubectl reads schemas for client-side apply
// in this form only.
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { arrayOf, isRecord, type JsonRecord, recordOf, textOf } from '../json.ts';

/** Encodes a Swagger 2.0 document as openapi.v2.Document. Extensions go along as YAML text. */
export function encodeOpenApi(document: JsonRecord): Uint8Array {
  const writer = new BinaryWriter();
  text(writer, 1, document.swagger);
  message(writer, 2, (info) => {
    text(info, 1, recordOf(document.info).title);
    text(info, 2, recordOf(document.info).version);
  });
  message(writer, 8, (paths) => named(paths, 2, recordOf(document.paths), pathItem));
  message(writer, 9, (definitions) => named(definitions, 1, recordOf(document.definitions), schema));
  return writer.finish();
}

type Encode = (writer: BinaryWriter, value: JsonRecord) => void;

function schema(writer: BinaryWriter, value: JsonRecord): void {
  text(writer, 1, value.$ref);
  text(writer, 2, value.format);
  text(writer, 4, value.description);
  if (value.default !== undefined) message(writer, 5, (any) => yaml(any, value.default));
  double(writer, 7, value.maximum);
  double(writer, 9, value.minimum);
  whole(writer, 11, value.maxLength);
  whole(writer, 12, value.minLength);
  text(writer, 13, value.pattern);
  whole(writer, 14, value.maxItems);
  whole(writer, 15, value.minItems);
  for (const name of arrayOf(value.required)) text(writer, 19, name);
  for (const item of arrayOf(value.enum)) message(writer, 20, (any) => yaml(any, item));
  const { additionalProperties, items, properties, type } = value;
  if (isRecord(additionalProperties)) {
    message(writer, 21, (item) => message(item, 1, (inner) => schema(inner, additionalProperties)));
  }
  if (type !== undefined) message(writer, 22, (item) => text(item, 1, type));
  if (isRecord(items)) message(writer, 23, (item) => message(item, 1, (inner) => schema(inner, items)));
  if (isRecord(properties)) message(writer, 25, (map) => named(map, 1, properties, schema));
  extensions(writer, 31, value);
}

const methods: readonly (readonly [string, number])[] = [
  ['get', 2],
  ['put', 3],
  ['post', 4],
  ['delete', 5],
  ['patch', 8],
];

function pathItem(writer: BinaryWriter, value: JsonRecord): void {
  for (const [method, field] of methods) {
    const found = value[method];
    if (isRecord(found)) message(writer, field, (inner) => operation(inner, found));
  }
  for (const item of arrayOf(value.parameters)) message(writer, 9, (inner) => parameter(inner, recordOf(item)));
}

function operation(writer: BinaryWriter, value: JsonRecord): void {
  text(writer, 3, value.description);
  text(writer, 5, value.operationId);
  for (const type of arrayOf(value.produces)) text(writer, 6, type);
  for (const type of arrayOf(value.consumes)) text(writer, 7, type);
  for (const item of arrayOf(value.parameters)) message(writer, 8, (inner) => parameter(inner, recordOf(item)));
  message(writer, 9, (responses) =>
    named(responses, 1, recordOf(value.responses), (inner, response) =>
      message(inner, 1, (body) => {
        text(body, 1, response.description);
        message(body, 2, (item) => message(item, 1, (target) => schema(target, recordOf(response.schema))));
      }),
    ),
  );
  extensions(writer, 13, value);
}

// ParametersItem.parameter, then a body's own message or one by place: query 3, path 4.
function parameter(writer: BinaryWriter, value: JsonRecord): void {
  message(writer, 1, (item) => {
    if (value.in === 'body') {
      message(item, 1, (body) => {
        text(body, 2, value.name);
        text(body, 3, value.in);
        flag(body, 4, value.required);
        message(body, 5, (inner) => schema(inner, recordOf(value.schema)));
      });
      return;
    }
    const isQuery = value.in === 'query';
    message(item, 2, (plain) =>
      message(plain, isQuery ? 3 : 4, (sub) => {
        flag(sub, 1, value.required);
        text(sub, 2, value.in);
        text(sub, 3, value.description);
        text(sub, 4, value.name);
        text(sub, isQuery ? 6 : 5, value.type);
        flag(sub, isQuery ? 20 : 19, value.uniqueItems);
      }),
    );
  });
}

// NamedX {name, value} for each entry.
function named(writer: BinaryWriter, field: number, entries: JsonRecord, encode: Encode): void {
  for (const [name, value] of Object.entries(entries)) {
    message(writer, field, (pair) => {
      text(pair, 1, name);
      message(pair, 2, (inner) => encode(inner, recordOf(value)));
    });
  }
}

function extensions(writer: BinaryWriter, field: number, value: JsonRecord): void {
  for (const [name, extension] of Object.entries(value)) {
    if (!name.startsWith('x-') || extension === undefined) continue;
    message(writer, field, (pair) => {
      text(pair, 1, name);
      message(pair, 2, (any) => yaml(any, extension));
    });
  }
}

// openapi.v2.Any: JSON is YAML.
function yaml(writer: BinaryWriter, value: unknown): void {
  text(writer, 2, `${JSON.stringify(value)}\n`);
}

function message(writer: BinaryWriter, field: number, encode: (inner: BinaryWriter) => void): void {
  writer.tag(field, 2).fork();
  encode(writer);
  writer.join();
}

function text(writer: BinaryWriter, field: number, value: unknown): void {
  const found = textOf(value);
  if (found !== undefined && found !== '') writer.tag(field, 2).string(found);
}

function flag(writer: BinaryWriter, field: number, value: unknown): void {
  if (value === true) writer.tag(field, 0).bool(true);
}

function double(writer: BinaryWriter, field: number, value: unknown): void {
  if (typeof value === 'number') writer.tag(field, 1).double(value);
}

function whole(writer: BinaryWriter, field: number, value: unknown): void {
  if (typeof value === 'number') writer.tag(field, 0).int64(value);
}
