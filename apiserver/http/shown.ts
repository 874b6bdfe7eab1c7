// What of an object a user sees, and how much of it a row carries.
import { ApiError, type KindInfo, type Unstructured } from '../../apis/index.ts';
import { seesOnlyMetadata } from '../auth/authorise.ts';
import type { User } from '../auth/user.ts';
import type { IncludeObject } from '../view/table.ts';
import type { Call } from './call.ts';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** What the caller may see of an object. */
export function visible({ user, about }: Pick<Call, 'user' | 'about'>, object: Unstructured): Unstructured {
  return visibleTo(user, about.info)(object);
}

/** What a user may see of objects of a kind. */
export function visibleTo(user: User, info: KindInfo): (object: Unstructured) => Unstructured {
  return seesOnlyMetadata({ user, info }) ? metadataOnly : whole;
}

const whole = (object: Unstructured): Unstructured => object;

function metadataOnly(object: Unstructured): Unstructured {
  const { data: _data, ...rest } = object;
  const { [lastApplied]: _applied, ...annotations } = object.metadata.annotations ?? {};
  // The owners of fields are told with the names of what is in a secret.
  const { managedFields: _managed, ...metadata } = object.metadata;
  return { ...rest, metadata: { ...metadata, annotations } };
}

/** `includeObject` of a Table. Errors: BadRequest. */
export function includeOf(query: URLSearchParams): IncludeObject {
  const given = query.get('includeObject') ?? '';
  if (given === '' || given === 'Metadata') return 'Metadata';
  if (given === 'None' || given === 'Object') return given;
  throw new ApiError('BadRequest', `unrecognized includeObject value: "${given}"`);
}
