// Sets of fields, in the very form in which managedFields carries them (FieldsV1): a tree of path elements, in which a node
// that is empty or has the key '.' is itself in the set. What is stored is so worked with as it was parsed, without decoding.

/** A node of the tree; at the top it is the set. Elements are `f:NAME`, `k:{"KEY":VALUE}`, `v:VALUE` and `i:INDEX`. */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}

/** A node that is being built. */
export type FieldTree = { [element: string]: FieldSet };

/** A field without fields below it; at the top: no field. */
export const leaf: FieldSet = Object.freeze({});

/** The key of a node that is in the set though it has others below it. */
export const self = '.';

/** Whether a set has no field. */
export function isEmptySet(set: FieldSet): boolean {
  for (const _element in set) return false;
  return true;
}

/** Whether a node, not the top, is in the set itself. */
export function isMember(node: FieldSet): boolean {
  return Object.hasOwn(node, self) || isEmptySet(node);
}

/** Whether there is something below a node. */
export function hasChildren(node: FieldSet): boolean {
  for (const element in node) if (element !== self) return true;
  return false;
}

/** The fields of either. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a) || a === b) return b;
  if (isEmptySet(b)) return a;
  const result: FieldTree = { ...a };
  for (const element in b) {
    const ours = a[element];
    const theirs = b[element] ?? leaf;
    result[element] = ours === undefined || element === self ? theirs : unionBelow(ours, theirs);
  }
  return result;
}

/** Those of `a` that are not in `b`. A field stays when only fields below it are in `b`, and the other way round. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(b) || isEmptySet(a)) return a;
  return keep(a, (element, node) => {
    const other = b[element];
    if (other === undefined) return node;
    const children = childrenOf(node);
    const left = difference(children, childrenOf(other));
    const stays = isMember(node) && !isMember(other);
    return left === children && stays === isMember(node) ? node : nodeOf(stays, left);
  });
}

/** The fields that are in both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return keep(a, (element, node) => {
    const other = b[element];
    if (other === undefined) return undefined;
    return nodeOf(isMember(node) && isMember(other), intersection(childrenOf(node), childrenOf(other)));
  });
}

/** Whether two sets have the same fields. */
export function sameSet(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  let count = 0;
  for (const element in a) {
    if (element === self) continue;
    const [ours, theirs] = [a[element], b[element]];
    if (ours === undefined || theirs === undefined) return false;
    if (isMember(ours) !== isMember(theirs) || !sameSet(ours, theirs)) return false;
    count++;
  }
  for (const element in b) if (element !== self) count--;
  return count === 0;
}

/** The same set with its elements in order, as the API shows them. */
export function sorted(set: FieldSet): FieldSet {
  const elements = Object.keys(set);
  if (elements.length === 0) return set;
  let isSame = true;
  for (let index = 1; index < elements.length && isSame; index++) {
    isSame = (elements[index - 1] ?? '') <= (elements[index] ?? '');
  }
  if (!isSame) elements.sort();
  const result: FieldTree = {};
  for (const element of elements) {
    const node = set[element] ?? leaf;
    const below = sorted(node);
    result[element] = below;
    isSame &&= below === node;
  }
  return isSame ? set : result;
}

/** Calls `visit` with the path of each field: those of a level first, then what lies below them, each in order. */
export function eachPath(
  set: FieldSet,
  visit: (path: readonly string[]) => void,
  prefix: readonly string[] = [],
): void {
  const elements = Object.keys(set)
    .filter((element) => element !== self)
    .sort();
  for (const element of elements) if (isMember(set[element] ?? leaf)) visit([...prefix, element]);
  for (const element of elements) eachPath(set[element] ?? leaf, visit, [...prefix, element]);
}

/** What lies below a node, as a set. */
export function childrenOf(node: FieldSet): FieldSet {
  if (!Object.hasOwn(node, self)) return node;
  const { [self]: _self, ...children } = node;
  return children;
}

/** A node of what it is and has; undefined when it is neither in the set nor has anything below it. */
export function nodeOf(isIn: boolean, children: FieldSet): FieldSet | undefined {
  if (isEmptySet(children)) return isIn ? leaf : undefined;
  return isIn ? { [self]: leaf, ...children } : children;
}

// A leaf that meets a node with children stays a member beside them.
function unionBelow(a: FieldSet, b: FieldSet): FieldSet {
  return nodeOf(isMember(a) || isMember(b), union(childrenOf(a), childrenOf(b))) ?? leaf;
}

function keep(set: FieldSet, choose: (element: string, node: FieldSet) => FieldSet | undefined): FieldSet {
  const result: FieldTree = {};
  let isSame = true;
  for (const element in set) {
    const node = set[element] ?? leaf;
    const kept = element === self ? undefined : choose(element, node);
    if (kept !== undefined) result[element] = kept;
    isSame &&= kept === node;
  }
  return isSame ? set : result;
}
