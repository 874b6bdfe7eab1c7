import { ExpressionError } from './expression-error.ts';

/** Which fields of the probe side must equal which of the build side, in the same order. */
export interface JoinOn {
  readonly probe: readonly (readonly string[])[];
  readonly build: readonly (readonly string[])[];
}

/**
 * Reads `a.x == b.y && a.z == b.w` (either order of sides) for a join of `probe` with `build`; throws ExpressionError.
 * Fields may be nested: `a.home.city`.
 */
export function parseJoinOn(text: string, probe: string, build: string): JoinOn {
  const sides: { probe: string[][]; build: string[][] } = { probe: [], build: [] };
  for (const part of text.split('&&')) {
    const found = equality.exec(part);
    if (found === null)
      throw new ExpressionError(`"${part.trim()}" is not an equality like "${probe}.x == ${build}.y"`);
    const [left = [], right = []] = [found[1]?.split('.'), found[2]?.split('.')];
    for (const side of [left, right])
      if (side[0] !== probe && side[0] !== build)
        throw new ExpressionError(`"${side.join('.')}" names no input of this join: it has ${probe} and ${build}`);
    if (left[0] === right[0]) throw new ExpressionError(`"${part.trim()}" compares an input with itself`);
    sides.probe.push((left[0] === probe ? left : right).slice(1));
    sides.build.push((left[0] === build ? left : right).slice(1));
  }
  return sides;
}

const equality = /^\s*([A-Za-z_][\w-]*(?:\.[A-Za-z_]\w*)+)\s*==\s*([A-Za-z_][\w-]*(?:\.[A-Za-z_]\w*)+)\s*$/;
