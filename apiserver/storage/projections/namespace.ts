// Namespace is Herd under Kubernetes' name.
import { apiVersionOf, kinds, type Unstructured } from '../../../apis/index.ts';
import { recordOf } from '../../json.ts';
import { derivedUid } from './derived-uid.ts';

/** A herd as a Namespace. */
export function namespaceFromHerd(herd: Unstructured): Unstructured {
  const { ownerReferences: _owners, generation: _generation, managedFields: _managed, ...metadata } = herd.metadata;
  const spec = recordOf(herd.spec);
  const { quota: _quota, ...status } = recordOf(herd.status);
  return {
    apiVersion: apiVersionOf(kinds.namespaces),
    kind: kinds.namespaces.kind,
    metadata: { ...metadata, uid: derivedUid(metadata.uid ?? '') },
    spec: spec.finalizers === undefined ? {} : { finalizers: spec.finalizers },
    status,
  };
}

/** The herd that a written Namespace stands for; what a Namespace cannot say is kept from `before`. */
export function herdFromNamespace(namespace: Unstructured, before: Unstructured | undefined): Unstructured {
  const { ownerReferences, ...metadata } = namespace.metadata;
  const { finalizers: _finalizers, ...keptSpec } = recordOf(before?.spec);
  const { finalizers } = recordOf(namespace.spec);
  const { quota } = recordOf(before?.status);
  const { uid, generation } = before?.metadata ?? namespace.metadata;
  const owners = before === undefined ? ownerReferences : before.metadata.ownerReferences;
  return {
    apiVersion: apiVersionOf(kinds.herds),
    kind: kinds.herds.kind,
    metadata: {
      ...metadata,
      ...(uid === undefined ? {} : { uid }),
      ...(generation === undefined ? {} : { generation }),
      ...(owners === undefined ? {} : { ownerReferences: owners }),
    },
    spec: { ...keptSpec, ...(finalizers === undefined ? {} : { finalizers }) },
    status: { ...recordOf(namespace.status), ...(quota === undefined ? {} : { quota }) },
  };
}
