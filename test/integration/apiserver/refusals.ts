// Requests that are refused, each with the whole of what is answered.
import { type Ask, pipeline, pipelines } from './support.ts';

/** Of the herd that tests use. */
export const secrets = '/api/v1/namespaces/default/secrets';
const merge = 'application/merge-patch+json';
const stale = {
  apiVersion: 'runink.io/v1',
  kind: 'Pipeline',
  metadata: { name: 'there', resourceVersion: '1' },
  spec: pipeline('x')['spec'],
};
const about = { name: 'there', group: 'runink.io', kind: 'pipelines' };

/** A request and its refusal; without `details` those are not looked at. */
export interface Refusal {
  readonly title: string;
  readonly method: string;
  readonly path: string;
  readonly ask?: Ask;
  readonly code: number;
  readonly reason: string;
  readonly message: string | RegExp;
  readonly details?: unknown;
}

/** One or more of every class that a request alone can meet. */
export const refusals: readonly Refusal[] = [
  {
    title: 'an object that is not there',
    method: 'GET',
    path: `${pipelines}/none`,
    code: 404,
    reason: 'NotFound',
    message: 'pipelines.runink.io "none" not found',
    details: { name: 'none', group: 'runink.io', kind: 'pipelines' },
  },
  {
    title: 'an object of the core group that is not there',
    method: 'DELETE',
    path: `${secrets}/none`,
    code: 404,
    reason: 'NotFound',
    message: 'secrets "none" not found',
    details: { name: 'none', kind: 'secrets' },
  },
  {
    title: 'a patch of what is not there',
    method: 'PATCH',
    path: `${pipelines}/none`,
    ask: { body: {}, type: merge },
    code: 404,
    reason: 'NotFound',
    message: 'pipelines.runink.io "none" not found',
    details: { name: 'none', group: 'runink.io', kind: 'pipelines' },
  },
  {
    title: 'a replacement of what is not there',
    method: 'PUT',
    path: `${pipelines}/none`,
    ask: { body: pipeline('none') },
    code: 404,
    reason: 'NotFound',
    message: 'pipelines.runink.io "none" not found',
    details: { name: 'none', group: 'runink.io', kind: 'pipelines' },
  },
  {
    title: 'a create in a herd that is not there',
    method: 'POST',
    path: pipelines.replace('default', 'nonesuch'),
    ask: { body: pipeline('x') },
    code: 404,
    reason: 'NotFound',
    message: 'namespaces "nonesuch" not found',
    details: { name: 'nonesuch', kind: 'namespaces' },
  },
  {
    title: 'a method that is not for a collection',
    method: 'PATCH',
    path: pipelines,
    ask: { body: {}, type: merge },
    code: 405,
    reason: 'MethodNotAllowed',
    message: 'the server does not allow this method on the requested resource',
    details: {},
  },
  {
    title: 'a form that nobody has',
    method: 'GET',
    path: `${pipelines}/there`,
    ask: { headers: { accept: 'text/csv' } },
    code: 406,
    reason: 'NotAcceptable',
    message: /^only the following media types are accepted: application\/json/,
  },
  {
    title: 'a name that is taken',
    method: 'POST',
    path: pipelines,
    ask: { body: pipeline('there') },
    code: 409,
    reason: 'AlreadyExists',
    message: 'pipelines.runink.io "there" already exists',
    details: about,
  },
  {
    title: 'a version that is old',
    method: 'PUT',
    path: `${pipelines}/there`,
    ask: { body: stale },
    code: 409,
    reason: 'Conflict',
    message:
      'Operation cannot be fulfilled on pipelines.runink.io "there": the object has been modified; please apply your changes to the latest version and try again',
    details: about,
  },
  {
    title: 'a patch at a version that is old',
    method: 'PATCH',
    path: `${pipelines}/there`,
    ask: { body: { metadata: { resourceVersion: '1' } }, type: merge },
    code: 409,
    reason: 'Conflict',
    message:
      'Operation cannot be fulfilled on pipelines.runink.io "there": the object has been modified; please apply your changes to the latest version and try again',
    details: about,
  },
  {
    title: 'an object of another life',
    method: 'PATCH',
    path: `${pipelines}/there`,
    ask: { body: { metadata: { uid: 'x' } }, type: merge },
    code: 409,
    reason: 'Conflict',
    message:
      /^Operation cannot be fulfilled on pipelines\.runink\.io "there": .*Precondition failed: UID in precondition: x, UID in object meta: [0-9a-f-]{36}$/,
    details: about,
  },
  {
    title: 'a deletion of another life',
    method: 'DELETE',
    path: `${pipelines}/there`,
    ask: { body: { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid: 'x' } } },
    code: 409,
    reason: 'Conflict',
    message:
      /^Operation cannot be fulfilled on Pipeline\.runink\.io "there": the UID in the precondition \(x\) does not match the UID in record \([0-9a-f-]{36}\)\. The object might have been deleted and then recreated$/,
    details: { name: 'there', group: 'runink.io', kind: 'Pipeline' },
  },
  {
    title: 'a deletion at a version that is old',
    method: 'DELETE',
    path: `${pipelines}/there`,
    ask: { body: { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { resourceVersion: '1' } } },
    code: 409,
    reason: 'Conflict',
    message:
      /^Operation cannot be fulfilled on Pipeline\.runink\.io "there": the ResourceVersion in the precondition \(1\) does not match the ResourceVersion in record \(\d+\)\. The object might have been modified$/,
    details: { name: 'there', group: 'runink.io', kind: 'Pipeline' },
  },
  {
    title: 'a body over the limit',
    method: 'POST',
    path: pipelines,
    ask: { body: pipeline('large', { annotations: { a: 'x'.repeat(3_200_000) } }) },
    code: 413,
    reason: 'RequestEntityTooLarge',
    message: 'Request entity too large: limit is 3145728',
  },
  {
    title: 'a body in a form that nobody reads',
    method: 'POST',
    path: pipelines,
    ask: { body: 'x', type: 'text/plain' },
    code: 415,
    reason: 'UnsupportedMediaType',
    message: /^the body of the request was in an unknown format - accepted media types include: application\/json/,
  },
  {
    title: 'a strategic patch of a kind that has none',
    method: 'PATCH',
    path: `${pipelines}/there`,
    ask: { body: {}, type: 'application/strategic-merge-patch+json' },
    code: 415,
    reason: 'UnsupportedMediaType',
    message:
      /^the body of the request was in an unknown format - accepted media types include: application\/json-patch\+json, application\/merge-patch\+json/,
  },
  {
    title: 'a field of the wrong type',
    method: 'PATCH',
    path: `${pipelines}/there`,
    ask: { body: { spec: { suspend: 'x' } }, type: merge },
    code: 422,
    reason: 'Invalid',
    message:
      'Pipeline.runink.io "there" is invalid: spec.suspend: Invalid value: "string": spec.suspend in body must be of type boolean: "string"',
    details: {
      name: 'there',
      group: 'runink.io',
      kind: 'Pipeline',
      causes: [
        {
          reason: 'FieldValueTypeInvalid',
          message: 'Invalid value: "string": spec.suspend in body must be of type boolean: "string"',
          field: 'spec.suspend',
        },
      ],
    },
  },
  {
    title: 'a replacement that names no version',
    method: 'PUT',
    path: `${pipelines}/there`,
    ask: { body: pipeline('there') },
    code: 422,
    reason: 'Invalid',
    message:
      'pipelines.runink.io "there" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
    details: {
      ...about,
      causes: [
        {
          reason: 'FieldValueInvalid',
          message: 'Invalid value: 0x0: must be specified for an update',
          field: 'metadata.resourceVersion',
        },
      ],
    },
  },
  {
    title: 'an option that there is not',
    method: 'DELETE',
    path: `${pipelines}/there`,
    ask: { body: { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Foo' } },
    code: 422,
    reason: 'Invalid',
    message:
      'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Foo": supported values: "Foreground", "Background", "Orphan", "nil"',
    details: {
      group: 'meta.k8s.io',
      kind: 'DeleteOptions',
      causes: [
        {
          reason: 'FieldValueNotSupported',
          message: 'Unsupported value: "Foo": supported values: "Foreground", "Background", "Orphan", "nil"',
          field: 'propagationPolicy',
        },
      ],
    },
  },
  {
    title: 'a dry run that is none',
    method: 'POST',
    path: `${pipelines}?dryRun=Some`,
    ask: { body: pipeline('x') },
    code: 422,
    reason: 'Invalid',
    message: /^CreateOptions\.meta\.k8s\.io "" is invalid: dryRun: Unsupported value: .*supported values: "All"$/,
  },
  {
    title: 'operations that do not fit',
    method: 'PATCH',
    path: `${pipelines}/there`,
    ask: { body: [{ op: 'test', path: '/spec/suspend', value: 7 }], type: 'application/json-patch+json' },
    code: 422,
    reason: 'Invalid',
    message: 'the server rejected our request due to an error in our request',
    details: {},
  },
  {
    title: 'a selector that cannot be read',
    method: 'GET',
    path: `${pipelines}?labelSelector=a%3D%3D%3Db`,
    code: 400,
    reason: 'BadRequest',
    message: "unable to parse requirement: found '=', expected: identifier",
  },
  {
    title: 'a field that cannot be selected by',
    method: 'GET',
    path: `${pipelines}?fieldSelector=spec.x%3D1`,
    code: 400,
    reason: 'BadRequest',
    message: 'field label not supported: spec.x',
  },
  {
    title: 'another name than that of the address',
    method: 'PUT',
    path: `${pipelines}/there`,
    ask: { body: { ...stale, metadata: { name: 'other', resourceVersion: '1' } } },
    code: 400,
    reason: 'BadRequest',
    message: 'the name of the object (other) does not match the name on the URL (there)',
  },
  {
    title: 'a version that is yet to come',
    method: 'GET',
    path: `${pipelines}?resourceVersion=99999999`,
    code: 504,
    reason: 'Timeout',
    message: /^Timeout: Too large resource version: 99999999, current: \d+$/,
  },
  {
    title: 'a node that asks for what is not its own',
    method: 'GET',
    path: `${secrets}/any`,
    ask: { as: 'nodes/n1' },
    code: 403,
    reason: 'Forbidden',
    message:
      /^secrets "any" is forbidden: User "system:node:n1" cannot get resource "secrets" in API group "" in the namespace "default"/,
    details: { name: 'any', kind: 'secrets' },
  },
  {
    title: 'a node that would make what no node makes',
    method: 'POST',
    path: pipelines,
    ask: { as: 'nodes/n1', body: pipeline('x') },
    code: 403,
    reason: 'Forbidden',
    message:
      /^pipelines\.runink\.io is forbidden: User "system:node:n1" cannot create resource "pipelines" in API group "runink\.io" in the namespace "default"/,
    details: { group: 'runink.io', kind: 'pipelines' },
  },
  {
    title: 'a token that stands for nobody',
    method: 'GET',
    path: pipelines,
    ask: { as: '', token: 'nope' },
    code: 401,
    reason: 'Unauthorized',
    message: 'Unauthorized',
  },
  {
    title: 'nobody',
    method: 'GET',
    path: pipelines,
    ask: { as: '' },
    code: 403,
    reason: 'Forbidden',
    message:
      'pipelines.runink.io is forbidden: User "system:anonymous" cannot list resource "pipelines" in API group "runink.io" in the namespace "default"',
    details: { group: 'runink.io', kind: 'pipelines' },
  },
];
