// What may be wrong with one version of a definition. Pure.
import type { CustomResourceColumn, CustomResourceVersion, StatusCause } from '../../apis/index.ts';
import { isRecord, jsonEqual, textOf } from '../json.ts';
import * as cause from '../schema/causes.ts';
import { structuralProblems } from '../schema/custom/definition.ts';
import { readSchema } from '../schema/custom/read-schema.ts';
import { pathProblem } from '../view/json-path.ts';
import { dns1035Problem } from './names.ts';

/** Most fields of one version that field selectors may name. */
const selectableMax = 8;
const warningLengthMax = 256;

/** Where the parts of a version are said to be; undefined for what is said of another version already. */
export interface Places {
  readonly version: string;
  readonly schema: string | undefined;
  readonly subresources: string | undefined;
  readonly columns: string | undefined;
  readonly selectable: string | undefined;
}

/** Everything that is wrong with a version; `before` is the stored one of the same name, for an update. */
export function versionProblems(
  version: CustomResourceVersion,
  places: Places,
  before: CustomResourceVersion | undefined,
): StatusCause[] {
  const { version: field, schema: schemaAt = `${field}.schema`, subresources, columns, selectable } = places;
  const problem = dns1035Problem(version.name);
  const schema = version.schema?.openAPIV3Schema;
  return [
    ...(problem === undefined ? [] : [cause.invalid(`${field}.name`, version.name, problem)]),
    ...deprecationProblems(version, `${field}.deprecationWarning`),
    ...(schema === undefined ? [cause.required(`${schemaAt}.openAPIV3Schema`, 'schemas are required')] : []),
    ...(schema === undefined || places.schema === undefined
      ? []
      : schemaProblems(schema, version, `${places.schema}.openAPIV3Schema`, before)),
    ...(subresources === undefined ? [] : scaleProblems(version, subresources)),
    ...(columns === undefined
      ? []
      : (version.additionalPrinterColumns ?? []).flatMap((column, index) =>
          columnProblems(column, `${columns}[${index}]`),
        )),
    ...(selectable === undefined ? [] : selectableProblems(version, schema, selectable)),
  ];
}

function schemaProblems(
  schema: unknown,
  version: CustomResourceVersion,
  field: string,
  before: CustomResourceVersion | undefined,
): readonly StatusCause[] {
  const root = rootProblems(schema, version, field);
  // What was let in once is not held against whoever changes something else.
  if (before?.schema !== undefined && jsonEqual(before.schema.openAPIV3Schema, schema)) return root;
  const read = readSchema(schema, field);
  if (read.schema === undefined) return [...root, ...read.problems];
  return [...root, ...structuralProblems(read.schema, field)];
}

function rootProblems(schema: unknown, version: CustomResourceVersion, field: string): readonly StatusCause[] {
  if (!isRecord(schema)) return [];
  if (version.subresources?.status === undefined || Object.keys(schema).every((key) => rootKeys.has(key))) return [];
  const words =
    'only ["description" "type" "format" "title" "maximum" "exclusiveMaximum" "minimum" "exclusiveMinimum" "maxLength" "minLength" "pattern" "maxItems" "minItems" "uniqueItems" "multipleOf" "required" "items" "properties" "externalDocs" "example" "x-kubernetes-preserve-unknown-fields" "x-kubernetes-validations"] fields are allowed at the root of the schema if the status subresource is enabled';
  return [cause.invalid(field, schema, words)];
}

const rootKeys = new Set(
  'description type format title maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems minItems uniqueItems multipleOf required items properties externalDocs example x-kubernetes-preserve-unknown-fields x-kubernetes-validations'.split(
    ' ',
  ),
);

function deprecationProblems({ deprecated, deprecationWarning }: CustomResourceVersion, field: string): StatusCause[] {
  if (deprecationWarning === undefined) return [];
  if (deprecated !== true) return [cause.invalid(field, deprecationWarning, 'can only be set for deprecated versions')];
  if (deprecationWarning.length > warningLengthMax)
    return [cause.invalid(field, deprecationWarning, `must be <= ${warningLengthMax} characters long`)];
  if (deprecationWarning === '') return [cause.invalid(field, deprecationWarning, 'must not be an empty string')];
  const at = deprecationWarning.search(/\p{C}/u);
  if (at < 0) return [];
  const words = `must only contain printable UTF-8 characters; non-printable character found at index ${at}`;
  return [cause.invalid(field, deprecationWarning, words)];
}

function scaleProblems({ subresources }: CustomResourceVersion, field: string): StatusCause[] {
  const scale = subresources?.scale;
  if (scale === undefined) return [];
  const under = (key: string, path: string, roots: readonly string[], words: string): StatusCause[] => {
    const at = `${field}.scale.${key}`;
    if (path === '') return [cause.required(at)];
    if (!path.startsWith('.')) return [cause.invalid(at, path, 'must be a simple json path starting with .')];
    return roots.some((root) => path.startsWith(`${root}.`)) ? [] : [cause.invalid(at, path, words)];
  };
  const { specReplicasPath, statusReplicasPath, labelSelectorPath = '' } = scale;
  return [
    ...under('specReplicasPath', specReplicasPath, ['.spec'], 'should be a json path under .spec'),
    ...under('statusReplicasPath', statusReplicasPath, ['.status'], 'should be a json path under .status'),
    ...(labelSelectorPath === ''
      ? []
      : under(
          'labelSelectorPath',
          labelSelectorPath,
          ['.spec', '.status'],
          'should be a json path under either .spec or .status',
        )),
  ];
}

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
const columnFormats = ['binary', 'bool', 'byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];

function columnProblems({ name, type, format = '', jsonPath }: CustomResourceColumn, field: string): StatusCause[] {
  const problems: StatusCause[] = [];
  if (name === '') problems.push(cause.required(`${field}.name`));
  if (type === '') problems.push(cause.required(`${field}.type`, `must be one of ${columnTypes.join(',')}`));
  else if (!columnTypes.includes(type))
    problems.push(cause.invalid(`${field}.type`, type, `must be one of ${columnTypes.join(',')}`));
  if (format !== '' && !columnFormats.includes(format))
    problems.push(cause.invalid(`${field}.format`, format, `must be one of ${columnFormats.join(',')}`));
  if (jsonPath === '') problems.push(cause.required(`${field}.jsonPath`));
  else {
    const problem = pathProblem(jsonPath);
    if (problem !== undefined) problems.push(cause.invalid(`${field}.jsonPath`, jsonPath, problem));
  }
  return problems;
}

function selectableProblems(
  { selectableFields = [] }: CustomResourceVersion,
  schema: unknown,
  field: string,
): StatusCause[] {
  const seen = new Set<string>();
  const problems = selectableFields.flatMap(({ jsonPath }, index): StatusCause[] => {
    const at = `${field}[${index}].jsonPath`;
    if (jsonPath === '') return [cause.required(at)];
    const found = fieldIn(schema, jsonPath);
    if (typeof found === 'string') return [cause.invalid(at, jsonPath, `is an invalid path: ${found}`)];
    const own: StatusCause[] = [];
    if (/^\.metadata(\.|$)/.test(jsonPath))
      own.push(cause.invalid(at, jsonPath, 'must not point to fields in metadata'));
    if (!['string', 'boolean', 'integer'].includes(textOf(found.type) ?? ''))
      own.push(
        cause.invalid(
          at,
          jsonPath,
          'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
        ),
      );
    if (seen.has(jsonPath)) own.push(cause.duplicate(at, jsonPath));
    seen.add(jsonPath);
    return own;
  });
  return seen.size > selectableMax ? [...problems, cause.tooMany(field, seen.size, selectableMax)] : problems;
}

// The schema of a dotted path, or why there is none.
function fieldIn(schema: unknown, path: string): Readonly<Record<string, unknown>> | string {
  if (!/^(\.[A-Za-z_][\w-]*)+$/.test(path)) return `fieldPath must be a valid field path of the form .a.b: ${path}`;
  let here: unknown = schema;
  for (const name of path.slice(1).split('.')) {
    const properties = isRecord(here) && isRecord(here.properties) ? here.properties : {};
    if (!Object.hasOwn(properties, name)) return `does not refer to a valid field: ${name}`;
    here = properties[name];
  }
  return isRecord(here) ? here : {};
}
