// Kinds that are questions: what is posted is answered and kept nowhere
// (https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/).
import type { KindInfo, Schema } from '../../apis/index.ts';

const text = (description: string): Schema => ({ type: 'string', description });
const flag = (description: string): Schema => ({ type: 'boolean', description });
const texts = (description: string): Schema => ({ type: 'array', description, items: { type: 'string' } });
const extra: Schema = {
  type: 'object',
  description: 'What else the authenticator said of the user.',
  additionalProperties: { type: 'array', items: { type: 'string' } },
};

const selector = (what: string): Schema => ({
  type: 'object',
  description: `Limits the question to what a ${what} selector picks.`,
  properties: {
    rawSelector: text('The selector as a query parameter has it; not together with requirements.'),
    requirements: {
      type: 'array',
      description: 'The selector as a list; all must hold.',
      items: {
        type: 'object',
        required: ['key', 'operator'],
        properties: {
          key: text('What is looked at.'),
          operator: text('In, NotIn, Exists or DoesNotExist.'),
          values: texts('With In and NotIn.'),
        },
      },
    },
  },
});

const resourceAttributes: Schema = {
  type: 'object',
  description: 'Asks about a resource.',
  properties: {
    namespace: text('The herd; empty for kinds that are in none, or for all herds.'),
    verb: text('get, list, watch, create, update, patch, delete, deletecollection; * for all.'),
    group: text('The API group; * for all.'),
    version: text('The version; * for all.'),
    resource: text('The kind by its plural; * for all.'),
    subresource: text('What is behind the name, if anything.'),
    name: text('Of one object; empty for all.'),
    fieldSelector: selector('field'),
    labelSelector: selector('label'),
  },
};
const nonResourceAttributes: Schema = {
  type: 'object',
  description: 'Asks about a path that is about no resource.',
  properties: { path: text('The path.'), verb: text('The HTTP method, in lower case.') },
};
const subject: Readonly<Record<string, Schema>> = {
  resourceAttributes,
  nonResourceAttributes,
  user: text('Who is asked about.'),
  groups: texts('The groups that the user is in.'),
  extra,
  uid: text('The user’s uid.'),
};
const accessStatus: Schema = {
  type: 'object',
  description: 'The answer.',
  properties: {
    allowed: flag('Whether it may be done.'),
    denied: flag('Whether it is forbidden whatever another authoriser says.'),
    reason: text('Why.'),
    evaluationError: text('What kept the answer from being whole.'),
  },
};
const userInfo: Schema = {
  type: 'object',
  description: 'A user.',
  properties: { username: text('The name.'), uid: text('The uid.'), groups: texts('The groups.'), extra },
};
const rule = (description: string, fields: readonly string[]): Schema => ({
  type: 'array',
  description,
  items: { type: 'object', properties: Object.fromEntries(fields.map((field) => [field, texts(`The ${field}.`)])) },
});
const spec = (properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  description: 'The question.',
  properties,
});

function review(
  group: 'authentication.k8s.io' | 'authorization.k8s.io',
  kind: string,
  plural: string,
  description: string,
  properties: Readonly<Record<string, Schema>>,
): KindInfo {
  return {
    group,
    version: 'v1',
    kind,
    plural,
    singular: kind.toLowerCase(),
    shortNames: [],
    scope: kind === 'LocalSubjectAccessReview' ? 'Namespaced' : 'Cluster',
    verbs: ['create'],
    subresources: [],
    columns: [],
    selectableFields: [],
    immutable: [],
    schema: { description, properties, ...('spec' in properties ? { required: ['spec'] } : {}) },
  };
}

/** The reviews, by what they ask. */
export const reviews = {
  selfSubject: review(
    'authentication.k8s.io',
    'SelfSubjectReview',
    'selfsubjectreviews',
    'Who the server takes one for.',
    {
      status: { type: 'object', description: 'The answer.', properties: { userInfo } },
    },
  ),
  token: review('authentication.k8s.io', 'TokenReview', 'tokenreviews', 'Whom a bearer token stands for.', {
    spec: spec({ token: text('The token.'), audiences: texts('For whom the token must be meant.') }),
    status: {
      type: 'object',
      description: 'The answer.',
      properties: {
        authenticated: flag('Whether the token stands for anybody.'),
        user: userInfo,
        audiences: texts('For whom it is meant.'),
        error: text('Why it could not be told.'),
      },
    },
  }),
  localSubjectAccess: review(
    'authorization.k8s.io',
    'LocalSubjectAccessReview',
    'localsubjectaccessreviews',
    'Whether a user may do something in a herd.',
    { spec: spec(subject), status: accessStatus },
  ),
  selfSubjectAccess: review(
    'authorization.k8s.io',
    'SelfSubjectAccessReview',
    'selfsubjectaccessreviews',
    'Whether one may do something oneself.',
    { spec: spec({ resourceAttributes, nonResourceAttributes }), status: accessStatus },
  ),
  selfSubjectRules: review(
    'authorization.k8s.io',
    'SelfSubjectRulesReview',
    'selfsubjectrulesreviews',
    'What one may do in a herd.',
    {
      spec: spec({ namespace: text('The herd.') }),
      status: {
        type: 'object',
        description: 'The answer.',
        properties: {
          resourceRules: rule('What may be done to resources.', ['verbs', 'apiGroups', 'resources', 'resourceNames']),
          nonResourceRules: rule('What may be done to paths.', ['verbs', 'nonResourceURLs']),
          incomplete: flag('Whether there is more than is listed.'),
          evaluationError: text('What kept the list from being whole.'),
        },
      },
    },
  ),
  subjectAccess: review(
    'authorization.k8s.io',
    'SubjectAccessReview',
    'subjectaccessreviews',
    'Whether a user may do something.',
    { spec: spec(subject), status: accessStatus },
  ),
} as const;

/** Their rows for the table of kinds. */
export const reviewInfos: readonly KindInfo[] = Object.values(reviews);

/** Whether objects of the kind are questions. */
export function isReview(info: KindInfo): boolean {
  return reviewInfos.includes(info);
}
