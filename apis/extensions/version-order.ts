// Which version of a group comes first (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#version-priority).

interface Parsed {
  readonly major: number;
  /** 2 stable, 1 beta, 0 alpha. */
  readonly stability: number;
  readonly minor: number;
}

/** Sorts versions from the most to the least preferred: v10, v2, v1, v2beta1, v1alpha1, then what is no such name by letter. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  if (left === undefined || right === undefined) {
    if (left === undefined && right === undefined) return a < b ? -1 : a > b ? 1 : 0;
    return left === undefined ? 1 : -1;
  }
  return right.stability - left.stability || right.major - left.major || right.minor - left.minor;
}

function parse(version: string): Parsed | undefined {
  const match = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/.exec(version);
  if (match === null) return undefined;
  const [, major, word, minor] = match;
  return {
    major: Number(major),
    stability: word === undefined ? 2 : word === 'beta' ? 1 : 0,
    minor: Number(minor ?? 0),
  };
}
