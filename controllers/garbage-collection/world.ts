// Test support: an API in memory with kinds of ours and of users, in which objects own each other.
import {
  type ApiObject,
  type CustomResourceDefinition,
  isApiError,
  type Kind,
  kinds,
  kindsOfDefinition,
  type OwnerReference,
} from '../../apis/index.ts';
import { makeRig, type Rig, settle } from '../kit/rig.ts';

/** A definition of a kind of a user that is served. */
export function definitionOf(kind: string, scope: 'Namespaced' | 'Cluster'): CustomResourceDefinition {
  const plural = `${kind.toLowerCase()}s`;
  const names = { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` };
  const root = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.example.com` },
    spec: {
      group: 'example.com',
      scope,
      names,
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: root } }],
    },
    status: {
      conditions: [{ type: 'Established', status: 'True' }],
      acceptedNames: names,
      storedVersions: ['v1'],
    },
  };
}

/** The kind of a definition. */
export function kindOf(definition: CustomResourceDefinition): Kind<ApiObject> {
  const [kind] = kindsOfDefinition(definition);
  if (kind === undefined) throw new Error('the definition is not established');
  return kind;
}

/** Namespaced and cluster-wide kinds of a user. */
export const widgets = definitionOf('Widget', 'Namespaced');
export const gadgets = definitionOf('Gadget', 'Cluster');

/** A rig with short hands for owners and dependents. */
export class World {
  readonly rig: Rig = makeRig();

  /** Defines a kind of a user, served from now on. */
  async define(definition: CustomResourceDefinition): Promise<void> {
    const made = await this.rig.api.create(kinds.customResourceDefinitions, definition);
    await this.rig.api.updateStatus(kinds.customResourceDefinitions, {
      ...made,
      ...definition,
      metadata: made.metadata,
    });
  }

  /** Makes an object; `name` may be HERD/NAME. */
  async make(
    kind: Kind<ApiObject>,
    name: string,
    owners: readonly OwnerReference[] = [],
    finalizers: readonly string[] = [],
  ) {
    const [herd, own] = name.includes('/') ? name.split('/') : ['default', name];
    const place = kind.scope === 'Namespaced' ? { namespace: herd ?? '' } : {};
    const metadata = { ...place, name: own ?? '', ownerReferences: owners, finalizers };
    return this.rig.api.create(kind, { metadata });
  }

  /** The object, or undefined. */
  async find(kind: Kind<ApiObject>, name: string): Promise<ApiObject | undefined> {
    return this.rig.api.get(kind, refOf(kind, name)).catch((cause: unknown) => {
      if (isApiError(cause, 'NotFound')) return undefined;
      throw cause;
    });
  }

  /** Deletes it as a user does. */
  async delete(kind: Kind<ApiObject>, name: string, propagationPolicy?: 'Background' | 'Foreground' | 'Orphan') {
    await this.rig.api.delete(kind, refOf(kind, name), propagationPolicy === undefined ? {} : { propagationPolicy });
  }

  /** Takes a finalizer of its own away. */
  async release(kind: Kind<ApiObject>, name: string): Promise<void> {
    const object = await this.rig.api.get(kind, refOf(kind, name));
    const finalizers = (object.metadata.finalizers ?? []).filter((one) => one !== hold);
    await this.rig.api.patch(kind, refOf(kind, name), { type: 'merge', body: { metadata: { finalizers } } });
  }

  /** Lets all come to rest. */
  async rest(): Promise<void> {
    await settle();
    await this.rig.pass(2_000);
  }
}

/** A finalizer of somebody who takes his time. */
export const hold = 'example.com/hold';

/** A reference to an owner. */
export function refTo(kind: Kind<ApiObject>, owner: ApiObject, blockOwnerDeletion?: boolean): OwnerReference {
  const { name = '', uid = '' } = owner.metadata;
  const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
  return { apiVersion, kind: kind.kind, name, uid, ...(blockOwnerDeletion !== undefined && { blockOwnerDeletion }) };
}

function refOf(kind: Kind<ApiObject>, name: string) {
  const [herd = '', own = ''] = name.includes('/') ? name.split('/') : ['default', name];
  return kind.scope === 'Namespaced' ? { namespace: herd, name: own } : { name: own };
}
