// The 409 that names the owners, in Kubernetes' words.
import { ApiError, type StatusCause } from '../../apis/index.ts';
import type { ConflictingField } from './apply.ts';
import type { Owner } from './entries.ts';
import { eachPath } from './field-set.ts';
import { pathText } from './path-element.ts';

/** The refusal of an apply that would change what others own. */
export function conflictError(conflicts: readonly ConflictingField[]): ApiError {
  const found = conflicts.flatMap(({ owner, fields }) => {
    const paths: string[] = [];
    eachPath(fields, (path) => paths.push(pathText(path)));
    return paths.map((path) => ({ who: ownerText(owner), path }));
  });
  const causes: StatusCause[] = found.map(({ who, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${who}`,
    field: path,
  }));
  return new ApiError('Conflict', messageOf(found), { causes });
}

function messageOf(found: readonly { readonly who: string; readonly path: string }[]): string {
  const [only] = found;
  if (found.length === 1 && only !== undefined) {
    return `Apply failed with 1 conflict: conflict with ${only.who}: ${only.path}`;
  }
  const lines: string[] = [];
  for (const who of [...new Set(found.map((each) => each.who))].sort()) {
    lines.push(`conflicts with ${who}:`);
    for (const each of found) if (each.who === who) lines.push(`- ${each.path}`);
  }
  return `Apply failed with ${found.length} conflicts: ${lines.join('\n')}`;
}

function ownerText({ manager, operation, apiVersion, subresource }: Owner): string {
  const name = JSON.stringify(manager);
  const through = subresource === '' ? name : `${name} with subresource ${JSON.stringify(subresource)}`;
  return operation === 'Update' ? `${through} using ${apiVersion}` : through;
}
