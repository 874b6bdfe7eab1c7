// Who is in the group `runink:viewers:HERD` looks at that herd and changes nothing: Kubernetes' role `view`, which does
// not show secrets either, since whoever read one could act as somebody else.
import { kinds } from '../../apis/index.ts';
import type { Attributes } from './attributes.ts';

/** What a viewer may do to what it may look at. */
export const viewerVerbs: readonly string[] = ['get', 'list', 'watch'];

/** Whether a viewer of these herds may. */
export function viewerMay(herds: readonly string[], { verb, info, namespace, name }: Attributes): boolean {
  if (!viewerVerbs.includes(verb)) return false;
  // The herd itself is asked for by its name, under either of its kinds; a list of one name is a list of that one.
  if (info === kinds.herds || info === kinds.namespaces) return name !== undefined && herds.includes(name);
  // A kind that nobody serves may come to hold anything.
  if (info.kind === '' || info.scope !== 'Namespaced') return false;
  return namespace !== undefined && herds.includes(namespace) && info !== kinds.secrets;
}
