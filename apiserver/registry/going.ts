import { ApiError, resourceOf } from '../../apis/index.ts';
import type { Target } from './registry.ts';

/** The 403 for what would be new in a herd that is being deleted. */
export function herdIsGoing({ info, namespace = '', name = '' }: Target): ApiError {
  return new ApiError(
    'Forbidden',
    `${resourceOf(info)} "${name}" is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`,
    {
      name,
      ...(info.group === '' ? {} : { group: info.group }),
      kind: info.plural,
      causes: [
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${namespace} is being terminated`,
          field: 'metadata.namespace',
        },
      ],
    },
  );
}
