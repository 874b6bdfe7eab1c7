// OpenAPI v2 and v3 documents, made once from the table of kinds. kubectl reads schemas for explain, and in the paths
// which parameters a patch takes.
import { isKubernetesOwn, type KindInfo } from '../../apis/index.ts';
import { definitionName, definitions, type OpenApiVersion, reference, rootOf } from './openapi-schema.ts';

/** A parameter of an operation. */
export interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'path';
  readonly type: 'string' | 'integer' | 'boolean';
  readonly description: string;
}

type Json = Record<string, unknown>;

/** Swagger 2.0 of all kinds. */
export function openApiV2(infos: readonly KindInfo[], version: string): Json {
  return {
    swagger: '2.0',
    info: { title: 'Runink', version },
    paths: paths(infos, 2),
    definitions: definitions(infos, 2),
  };
}

/** OpenAPI 3.0 of one group's version, by the path it is served at: `apis/runink.io/v1`. */
export function openApiV3(infos: readonly KindInfo[], version: string): ReadonlyMap<string, Json> {
  const documents = new Map<string, Json>();
  for (const root of new Set(infos.map(rootOf))) {
    const own = infos.filter((info) => rootOf(info) === root);
    documents.set(root, {
      openapi: '3.0.0',
      info: { title: 'Runink', version },
      paths: paths(own, 3),
      components: { schemas: definitions(own, 3) },
    });
  }
  return documents;
}

function paths(infos: readonly KindInfo[], version: OpenApiVersion): Json {
  const result: Json = {};
  for (const info of infos) {
    const isNamespaced = info.scope === 'Namespaced';
    const collection = `/${rootOf(info)}${isNamespaced ? '/namespaces/{namespace}' : ''}/${info.plural}`;
    const scope = isNamespaced ? [pathParameter('namespace')] : [];
    if (info.verbs?.includes('get') === false) {
      const post = operation(info, 'create', version, writeParameters);
      result[collection] = { post, ...parametersBody(scope, version) };
      continue;
    }
    result[collection] = {
      get: operation(info, 'list', version, listParameters),
      post: operation(info, 'create', version, writeParameters),
      delete: operation(info, 'deleteCollection', version, listParameters),
      ...parametersBody(scope, version),
    };
    result[`${collection}/{name}`] = {
      get: operation(info, 'read', version, []),
      put: operation(info, 'replace', version, writeParameters),
      patch: operation(info, 'patch', version, [...writeParameters, force]),
      delete: operation(info, 'delete', version, deleteParameters),
      ...parametersBody([pathParameter('name'), ...scope], version),
    };
    if (isNamespaced) {
      result[`/${rootOf(info)}/${info.plural}`] = { get: operation(info, 'listAll', version, listParameters) };
    }
  }
  return result;
}

const actions: Readonly<Record<string, string>> = {
  list: 'list',
  listAll: 'list',
  create: 'post',
  read: 'get',
  replace: 'put',
  patch: 'patch',
  delete: 'delete',
  deleteCollection: 'deletecollection',
};

function operation(info: KindInfo, action: string, version: OpenApiVersion, parameters: readonly Parameter[]): Json {
  const isList = action === 'list' || action === 'listAll';
  const name = `${definitionName(info)}${isList ? 'List' : ''}`;
  const takesBody = action === 'create' || action === 'replace' || action === 'patch';
  const consumes = action === 'patch' ? patchTypes(info) : ['application/json'];
  const schema = reference(name, version);
  const common = {
    description: `${action} ${info.kind}`,
    operationId: `${action}${info.group.split('.')[0] ?? ''}${info.version.toUpperCase()}${info.kind}`,
    'x-kubernetes-action': actions[action],
    'x-kubernetes-group-version-kind': { group: info.group, kind: info.kind, version: info.version },
  };
  if (version === 2) {
    const body = { name: 'body', in: 'body', required: true, schema: action === 'patch' ? { type: 'object' } : schema };
    return {
      ...common,
      consumes,
      produces: ['application/json'],
      parameters: [...(takesBody ? [body] : []), ...parameters.map((parameter) => parameterBody(parameter, 2))],
      responses: { 200: { description: 'OK', schema } },
    };
  }
  const bodySchema = action === 'patch' ? { type: 'object' } : schema;
  const content = Object.fromEntries(consumes.map((type) => [type, { schema: bodySchema }]));
  return {
    ...common,
    parameters: parameters.map((parameter) => parameterBody(parameter, 3)),
    ...(takesBody ? { requestBody: { required: true, content } } : {}),
    responses: { 200: { description: 'OK', content: { 'application/json': { schema } } } },
  };
}

function patchTypes(info: KindInfo): string[] {
  const types = ['application/json-patch+json', 'application/merge-patch+json'];
  return isKubernetesOwn(info) ? [...types, 'application/strategic-merge-patch+json'] : types;
}

function parametersBody(parameters: readonly Parameter[], version: OpenApiVersion): Json {
  if (parameters.length === 0) return {};
  return { parameters: parameters.map((parameter) => parameterBody(parameter, version)) };
}

function parameterBody({ name, in: place, type, description }: Parameter, version: OpenApiVersion): Json {
  const required = place === 'path' ? { required: true } : {};
  return version === 2
    ? { name, in: place, type, description, ...required, uniqueItems: true }
    : { name, in: place, description, ...required, schema: { type, uniqueItems: true } };
}

function pathParameter(name: string): Parameter {
  const description = name === 'name' ? 'Name of the object.' : 'Herd of the object.';
  return { name, in: 'path', type: 'string', description };
}

function query(name: string, type: Parameter['type'], description: string): Parameter {
  return { name, in: 'query', type, description };
}

const dryRun = query('dryRun', 'string', 'All: everything but the write.');
const writeParameters = [
  dryRun,
  query('fieldManager', 'string', 'Who writes.'),
  query('fieldValidation', 'string', 'What to do about unknown and duplicate fields: Ignore, Warn (default), Strict.'),
];
const force = query('force', 'boolean', 'Only for server-side apply.');
const deleteParameters = [
  dryRun,
  query('gracePeriodSeconds', 'integer', 'Seconds allowed for a graceful end.'),
  query('propagationPolicy', 'string', 'What becomes of dependents: Background, Foreground or Orphan.'),
];
const listParameters = [
  query('allowWatchBookmarks', 'boolean', 'A watch gets bookmarks.'),
  query('continue', 'string', 'Where an earlier list ended.'),
  query('fieldSelector', 'string', 'Selects by fields.'),
  query('labelSelector', 'string', 'Selects by labels.'),
  query('limit', 'integer', 'At most so many objects.'),
  query('resourceVersion', 'string', 'The version to read at or after.'),
  query('resourceVersionMatch', 'string', 'How resourceVersion is meant: Exact or NotOlderThan.'),
  query('sendInitialEvents', 'boolean', 'A watch starts with what is there, and says where that ends.'),
  query('timeoutSeconds', 'integer', 'A watch ends after this.'),
  query('watch', 'boolean', 'Follow changes instead of listing.'),
];
