// Namespace is Herd under Kubernetes' name: the same key and version, a uid of its own derived from the herd's.
import { createHash } from 'node:crypto';
import { apiVersionOf, kinds, type Unstructured } from '../../apis/index.ts';
import { recordOf } from '../json.ts';

/** Any fixed UUID does; it makes the derived ones ours. */
const namespaceOfUids = Buffer.from('8f0c1a7e5d3b4c6a9e2f7b1d4a6c8e03', 'hex');

/** UUIDv5 (RFC 9562, 5.5) of `name`. */
export function derivedUid(name: string): string {
  const hash = createHash('sha1').update(namespaceOfUids).update(name).digest().subarray(0, 16);
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** A herd as a Namespace. */
export function namespaceFromHerd(herd: Unstructured): Unstructured {
  const { ownerReferences: _owners, generation: _generation, ...metadata } = herd.metadata;
  const spec = recordOf(herd.spec);
  return {
    apiVersion: apiVersionOf(kinds.namespaces),
    kind: kinds.namespaces.kind,
    metadata: { ...metadata, uid: derivedUid(metadata.uid ?? '') },
    spec: spec.finalizers === undefined ? {} : { finalizers: spec.finalizers },
    status: recordOf(herd.status),
  };
}

/** The herd that a written Namespace stands for; what a Namespace cannot say is kept from `before`. */
export function herdFromNamespace(namespace: Unstructured, before: Unstructured | undefined): Unstructured {
  const { ownerReferences, ...metadata } = namespace.metadata;
  const { finalizers: _finalizers, ...keptSpec } = recordOf(before?.spec);
  const { finalizers } = recordOf(namespace.spec);
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
    status: recordOf(namespace.status),
  };
}
