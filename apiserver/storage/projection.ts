// A projection is a stored kind seen as another one (ARCHITECTURE §2): the same key and version, a uid of its own that
// follows from the stored one's, no managers of fields. Lists, watches, selectors and tables see only what `show` gives.
import { ApiError, type KindInfo, kinds, type Unstructured } from '../../apis/index.ts';
import { herdFromNamespace, namespaceFromHerd } from './projections/namespace.ts';
import { podFromSlice } from './projections/pod.ts';

/** How objects of one kind are seen as another kind. */
export interface Projection {
  /** The kind that is stored. */
  readonly of: KindInfo;
  /** A stored object as it is seen. The same for the same object; never change it. */
  readonly show: (object: Unstructured) => Unstructured;
  /** What a written view stands for; `before` is what is stored. Errors: MethodNotAllowed. */
  readonly unshow: (view: Unstructured, before: Unstructured | undefined) => Unstructured;
}

const namespaces: Projection = {
  of: kinds.herds,
  show: remembered(namespaceFromHerd),
  unshow: herdFromNamespace,
};
const pods: Projection = {
  of: kinds.slices,
  show: remembered(podFromSlice),
  unshow: () => {
    throw new ApiError('MethodNotAllowed', 'pods are not written: they show slices', {});
  },
};

/** The projection that a kind is, or undefined: it is stored as it is. */
export function projectionOf({ projectionOf: of }: KindInfo): Projection | undefined {
  switch (of) {
    case undefined:
      return undefined;
    case kinds.herds.kind:
      return namespaces;
    case kinds.slices.kind:
      return pods;
    default:
      throw new Error(`no projection of ${of} is known`);
  }
}

// Every watcher with a selector asks for each version of an object; it is made once for all of them.
function remembered(make: (object: Unstructured) => Unstructured): (object: Unstructured) => Unstructured {
  const made = new WeakMap<Unstructured, Unstructured>();
  return (object) => {
    const known = made.get(object);
    if (known !== undefined) return known;
    const view = make(object);
    made.set(object, view);
    return view;
  };
}
