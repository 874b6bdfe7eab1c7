// Where things lie in the Barn. Everything in a herd goes by the herd's uid, never by its name: a herd made anew under
// an old name must not find the old one's things.
import type { KindInfo } from '../../apis/index.ts';
import { projectionOf } from './projection.ts';

/**
 * Where a kind's objects lie: `/registry/GROUP/PLURAL/`, a user's kind's in `/registry/GROUP/PLURAL@DEFINITIONUID/`, so that
 * a definition made anew finds nothing of the old one. A projection lies where the kind it shows does.
 */
export function kindPrefix(info: KindInfo): string {
  const { group, plural, definition } = storedKind(info);
  return `/registry/${group === '' ? 'core' : group}/${plural}${definition === undefined ? '' : `@${definition.uid}`}/`;
}

/** The generation of a definition, while it is there; every write of its kind compares it. */
export function definitionKey(uid: string): string {
  return `definition/${uid}`;
}

/** The kind whose objects are stored; Namespace's is Herd, Pod's is Slice. */
export function storedKind(info: KindInfo): KindInfo {
  return projectionOf(info)?.of ?? info;
}

/** The prefix of one herd's objects of a kind, or of a cluster kind's (`herdUid` absent). */
export function herdPrefix(info: KindInfo, herdUid: string | undefined): string {
  return `${kindPrefix(info)}${herdUid ?? '_'}/`;
}

/** The key of one object. */
export function objectKey(info: KindInfo, herdUid: string | undefined, name: string): string {
  return `${herdPrefix(info, herdUid)}${name}`;
}

/** The herd uid and name in an object's key. */
export function partsOf(key: string): { readonly herdUid: string | undefined; readonly name: string } {
  const parts = key.split('/');
  const herdUid = parts[4];
  return { herdUid: herdUid === '_' ? undefined : herdUid, name: parts[5] ?? '' };
}

/** There while things may be created in the herd. */
export function openKey(herdUid: string): string {
  return `open/${herdUid}`;
}

/** The limit and the number of a herd's objects of a resource (`pipelines.runink.io`); there while a quota limits them. */
export function countKey(herdUid: string, resource: string): string {
  return `count/${herdUid}/${resource}`;
}

/** A bundle's bytes; the bundle's uid is in it, so that a bundle made anew does not have them. */
export function contentKey(bundleUid: string): string {
  return `content/${bundleUid}`;
}

/** `HOLDER/TRANSITIONS` of a lease; written only when that changes. */
export function epochKey(herdUid: string, lease: string): string {
  return `epoch/${herdUid}/${lease}`;
}

/** The node's uid, while it may get slices. */
export function fenceKey(node: string): string {
  return `fence/${node}`;
}
