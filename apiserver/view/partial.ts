import type { Unstructured } from '../../apis/index.ts';

/** meta.k8s.io/v1 PartialObjectMetadata of an object. */
export function partialOf(object: Unstructured): Unstructured {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}
