// Semantic versions of contracts: MAJOR.MINOR.PATCH, without pre-releases.

/** The highest of `versions` in the range (`1.2.3`, `^1`, `~1.2`, `1.x`, `*`, `latest`); undefined when there is none. */
export function resolveRange(range: string, versions: readonly string[]): string | undefined {
  const bounds = parseRange(range);
  if (bounds === undefined) return undefined;
  return versions
    .filter((version) => {
      const parsed = parseVersion(version);
      return parsed !== undefined && compare(parsed, bounds.from) >= 0 && compare(parsed, bounds.below) < 0;
    })
    .sort((a, b) => compareVersions(a, b))
    .at(-1);
}

/** Splits `flight@^1` into name and range; without `@` the range is `*`. */
export function parseContractReference(text: string): { readonly name: string; readonly range: string } {
  const at = text.lastIndexOf('@');
  return at === -1 ? { name: text, range: '*' } : { name: text.slice(0, at), range: text.slice(at + 1) };
}

/** Whether `range` can be read. */
export function isRange(range: string): boolean {
  return parseRange(range) !== undefined;
}

/** Negative, 0 or positive; versions that cannot be read come first. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parseVersion(a), parseVersion(b)];
  if (left === undefined || right === undefined) return Number(left !== undefined) - Number(right !== undefined);
  return compare(left, right);
}

type Version = readonly [number, number, number];

function parseVersion(text: string): Version | undefined {
  const found = /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$/.exec(text);
  return found === null ? undefined : [Number(found[1]), Number(found[2]), Number(found[3])];
}

function parseRange(text: string): { readonly from: Version; readonly below: Version } | undefined {
  if (text === '*' || text === 'latest' || text === '') return { from: [0, 0, 0], below: [Infinity, 0, 0] };
  const found = /^([\^~=]?)(\d{1,9})(?:\.(\d{1,9}|x))?(?:\.(\d{1,9}|x))?$/.exec(text);
  if (found === null) return undefined;
  const [, sign = '', majorText, minorText, patchText] = found;
  const major = Number(majorText);
  const minor = part(minorText);
  const patch = minor === undefined ? undefined : part(patchText);
  const from: Version = [major, minor ?? 0, patch ?? 0];
  if (minor === undefined) return { from, below: [major + 1, 0, 0] };
  if (sign === '^') return { from, below: caretBound(major, minor, patch) };
  if (sign === '~' || patch === undefined) return { from, below: [major, minor + 1, 0] };
  return { from, below: [major, minor, patch + 1] };
}

function part(text: string | undefined): number | undefined {
  return text === undefined || text === 'x' ? undefined : Number(text);
}

// The leftmost part that is not 0 may not change (as npm reads it).
function caretBound(major: number, minor: number, patch: number | undefined): Version {
  if (major > 0) return [major + 1, 0, 0];
  if (minor > 0 || patch === undefined) return [0, minor + 1, 0];
  return [0, 0, patch + 1];
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
