import type { KindInfo, Ref, Subresource } from '../apis/index.ts';

/** The path of a collection: of one herd, or of all herds (and of cluster kinds) without one. */
export function collectionPath(kind: KindInfo, namespace?: string): string {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const herd =
    kind.scope === 'Namespaced' && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${herd}/${kind.plural}`;
}

/** The path of one object, or of a subresource of it. */
export function objectPath(kind: KindInfo, ref: Ref, subresource?: Subresource): string {
  const path = `${collectionPath(kind, ref.namespace)}/${encodeURIComponent(ref.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** `metadata` as a reference to the object. */
export function refOf(object: { readonly metadata: { readonly name?: string; readonly namespace?: string } }): Ref {
  const { name = '', namespace } = object.metadata;
  return namespace === undefined ? { name } : { name, namespace };
}
