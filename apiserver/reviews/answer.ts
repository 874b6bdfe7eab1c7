// Answers reviews by the same decisions that requests are judged by.
import { ApiError, apiVersionOf, type KindInfo, type StatusCause } from '../../apis/index.ts';
import type { AskedKind, Attributes } from '../auth/attributes.ts';
import { decide, pathAllowed } from '../auth/authorise.ts';
import type { NodeLookups } from '../auth/node-role.ts';
import { rulesOf } from '../auth/rules.ts';
import type { TokenLookup } from '../auth/tokens.ts';
import { authenticated, type User } from '../auth/user.ts';
import { arrayOf, isRecord, type JsonRecord, recordOf, stringsOf, textOf } from '../json.ts';
import * as cause from '../schema/causes.ts';
import { demanded, type FieldRequirement } from '../view/field-selector.ts';
import { reviews } from './kinds.ts';

/** What an answer rests on. */
export interface ReviewDeps {
  readonly lookups: NodeLookups;
  readonly tokens: TokenLookup;
  /** The kinds that are served now. */
  readonly served: readonly KindInfo[];
  readonly nowMs: number;
}

/** What was asked: by whom, at which kind and herd, and the body as its schema lets it through. */
export interface Question {
  readonly user: User;
  readonly info: KindInfo;
  readonly namespace?: string;
  readonly body: JsonRecord;
}

/** Whom a token is for that says nothing else, as kube-apiserver names itself. */
const ownAudience = 'https://kubernetes.default.svc';

/** The review with its answer. Errors: Invalid, BadRequest. */
export async function answerReview(question: Question, deps: ReviewDeps): Promise<JsonRecord> {
  const { user, info, body } = question;
  const spec = recordOf(body.spec);
  switch (info) {
    case reviews.selfSubject:
      return answered(info, { creationTimestamp: timeText(deps.nowMs) }, undefined, { userInfo: userInfo(user) });
    case reviews.token:
      return answered(info, {}, spec, tokenStatus(spec, deps.tokens));
    case reviews.selfSubjectRules: {
      const namespace = textOf(spec.namespace) ?? '';
      if (namespace === '') throw new ApiError('BadRequest', 'no namespace on request');
      return answered(info, {}, {}, { ...rulesOf(user, namespace, deps.served) });
    }
    case reviews.selfSubjectAccess:
      refuse(info, [...aboutProblems(spec), ...metaProblems(body)]);
      return answered(info, {}, spec, await accessStatus(user, spec, deps));
    case reviews.subjectAccess:
      refuse(info, [...aboutProblems(spec), ...subjectProblems(spec), ...metaProblems(body)]);
      return answered(info, {}, spec, await accessStatus(subjectOf(spec), spec, deps));
    case reviews.localSubjectAccess: {
      const { namespace = '' } = question;
      const problems = [...aboutProblems(spec), ...subjectProblems(spec), ...metaProblems(body, namespace)];
      refuse(info, [...problems, ...localProblems(spec, namespace)]);
      return answered(info, { namespace }, spec, await accessStatus(subjectOf(spec), spec, deps));
    }
    default:
      throw new ApiError('InternalError', `Internal error occurred: ${info.kind} is no review`);
  }
}

function answered(info: KindInfo, metadata: JsonRecord, spec: JsonRecord | undefined, status: JsonRecord): JsonRecord {
  return {
    kind: info.kind,
    apiVersion: apiVersionOf(info),
    metadata: { creationTimestamp: null, ...metadata },
    ...(spec === undefined ? {} : { spec }),
    status,
  };
}

function tokenStatus(spec: JsonRecord, tokens: TokenLookup): JsonRecord {
  const token = textOf(spec.token) ?? '';
  if (token === '') throw new ApiError('BadRequest', 'token is required for TokenReview in authentication');
  const user = tokens(token);
  if (user === undefined) return { user: {}, error: 'invalid bearer token' };
  const wanted = stringsOf(spec.audiences);
  const audiences = wanted.length === 0 ? [ownAudience] : wanted.filter((audience) => audience === ownAudience);
  if (audiences.length === 0) {
    return {
      user: {},
      error: `token audiences ["${ownAudience}"] is invalid for the target audiences ${JSON.stringify(wanted)}`,
    };
  }
  return { authenticated: true, user: userInfo(authenticated(user)), audiences };
}

async function accessStatus(user: User, spec: JsonRecord, { lookups, served }: ReviewDeps): Promise<JsonRecord> {
  if (isRecord(spec.nonResourceAttributes)) {
    const { path, verb } = spec.nonResourceAttributes;
    return { allowed: pathAllowed(user, (textOf(verb) ?? '').toLowerCase(), textOf(path) ?? '') };
  }
  const decision = await decide(attributesIn(user, recordOf(spec.resourceAttributes), served), lookups);
  if (decision.allowed || decision.why === undefined) return { allowed: decision.allowed };
  return { allowed: false, reason: decision.why };
}

function attributesIn(user: User, asked: JsonRecord, served: readonly KindInfo[]): Attributes {
  const group = textOf(asked.group) ?? '';
  const plural = textOf(asked.resource) ?? '';
  const known = served.find((info) => info.group === group && info.plural === plural);
  const info: AskedKind = known ?? { group, plural, kind: '', scope: 'Namespaced' };
  const fields = requirementsIn(recordOf(asked.fieldSelector));
  const given = (field: string) => {
    const text = textOf(asked[field]) ?? '';
    return text === '' ? {} : { [field]: text };
  };
  const byName = demanded(fields, 'metadata.name');
  return {
    user,
    verb: textOf(asked.verb) ?? '',
    info,
    fields,
    ...(byName === undefined ? {} : { name: byName }),
    ...given('namespace'),
    ...given('name'),
    ...given('subresource'),
  };
}

// A selector only narrows the question: what is not understood of it is left out.
function requirementsIn(selector: JsonRecord): readonly FieldRequirement[] {
  return arrayOf(selector.requirements).flatMap((item) => {
    if (!isRecord(item) || item.operator !== 'In') return [];
    const [value, ...more] = stringsOf(item.values);
    const field = textOf(item.key);
    return value === undefined || field === undefined || more.length > 0 ? [] : [{ field, op: '=', value }];
  });
}

function subjectOf(spec: JsonRecord): User {
  return { name: textOf(spec.user) ?? '', groups: stringsOf(spec.groups) };
}

function userInfo({ name, uid, groups, extra }: User): JsonRecord {
  return {
    username: name,
    ...(uid === undefined ? {} : { uid }),
    groups,
    ...(extra === undefined ? {} : { extra }),
  };
}

function aboutProblems({ resourceAttributes, nonResourceAttributes }: JsonRecord): StatusCause[] {
  const isResource = isRecord(resourceAttributes);
  const isPath = isRecord(nonResourceAttributes);
  if (isResource && isPath) {
    const why = 'cannot be specified in combination with resourceAttributes';
    return [cause.invalid('spec.nonResourceAttributes', nonResourceAttributes, why)];
  }
  if (isResource || isPath) return [];
  const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
  return [cause.invalid('spec.resourceAttributes', null, why)];
}

function subjectProblems(spec: JsonRecord): StatusCause[] {
  const { name, groups } = subjectOf(spec);
  return name === '' && groups.length === 0
    ? [cause.invalid('spec.user', '', 'at least one of user or group must be specified')]
    : [];
}

function metaProblems(body: JsonRecord, namespace?: string): StatusCause[] {
  const { managedFields: _managed, creationTimestamp, namespace: own, ...rest } = recordOf(body.metadata);
  const isOfHerd = own === undefined || own === '' || own === namespace;
  // Protobuf writes numbers that were not set too.
  const isEmpty = Object.values(rest).every((value) => value === '' || value === null || value === 0);
  if (isOfHerd && isEmpty && (creationTimestamp ?? null) === null) return [];
  const why = namespace === undefined ? 'must be empty' : 'must be empty except for namespace';
  return [cause.invalid('metadata', body.metadata, why)];
}

function localProblems(spec: JsonRecord, namespace: string): StatusCause[] {
  const { resourceAttributes, nonResourceAttributes } = spec;
  const asked = textOf(recordOf(resourceAttributes).namespace) ?? '';
  return [
    ...(isRecord(resourceAttributes) && asked !== namespace
      ? [cause.invalid('spec.resourceAttributes.namespace', asked, 'must match metadata.namespace')]
      : []),
    ...(isRecord(nonResourceAttributes)
      ? [cause.invalid('spec.nonResourceAttributes', nonResourceAttributes, 'disallowed on this kind of request')]
      : []),
  ];
}

function refuse(info: KindInfo, problems: readonly StatusCause[]): void {
  if (problems.length > 0) throw cause.invalidError(info, '', problems);
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
