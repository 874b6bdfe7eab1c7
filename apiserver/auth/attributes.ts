import type { KindInfo } from '../../apis/index.ts';
import { ApiError, resourceOf } from '../../apis/index.ts';
import type { FieldRequirement } from '../view/field-selector.ts';
import type { User } from './user.ts';

/** What is done to a resource by a request, in the words of RBAC. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** What is asked for: a row of the table of kinds, or what a review names and nobody serves, whose `kind` is empty. */
export type AskedKind = Pick<KindInfo, 'group' | 'plural' | 'kind' | 'scope'>;

/** What a request wants, as parsed; who may is judged on this and never on the URL. */
export interface Attributes {
  readonly user: User;
  /** A Verb, or in a review whatever its author wrote. */
  readonly verb: string;
  readonly info: AskedKind;
  readonly subresource?: string;
  readonly namespace?: string;
  /** Of one object; of a list or watch if its field selector names one. */
  readonly name?: string;
  readonly fields: readonly FieldRequirement[];
  /** For writes: the media type of the body. */
  readonly mediaType?: string;
}

/** The 403 in Kubernetes' words. */
export function forbiddenError(attributes: Attributes, why = ''): ApiError {
  const { user, verb, info, subresource, namespace, name } = attributes;
  const resource = subresource === undefined ? info.plural : `${info.plural}/${subresource}`;
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const subject = name === undefined || name === '' ? resourceOf(info) : `${resourceOf(info)} "${name}"`;
  const message = `${subject} is forbidden: User "${user.name}" cannot ${verb} resource "${resource}" in API group "${info.group}" ${where}${why === '' ? '' : `: ${why}`}`;
  return new ApiError('Forbidden', message, {
    ...(name === undefined || name === '' ? {} : { name }),
    ...(info.group === '' ? {} : { group: info.group }),
    kind: info.plural,
  });
}

/** The 403 for a path that is about no resource. */
export function forbiddenPathError(user: User, verb: string, path: string): ApiError {
  return new ApiError('Forbidden', `forbidden: User "${user.name}" cannot ${verb} path "${path}"`, {});
}
