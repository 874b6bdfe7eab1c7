// Says why a group fits nowhere, in one line: `0/5 nodes fit: 3 insufficient cpu (nearest n2 short 500m), 1 tainted, 1 not ready`.
import { type Amounts, type Dimension, dimensions, type HerdState, type PendingGroup } from './model.ts';

/** Why one node cannot take a group. */
export type Misfit =
  | { readonly why: 'short'; readonly of: Dimension; readonly by: number }
  | { readonly why: 'other'; readonly text: string };

const names: Readonly<Record<Dimension, string>> = {
  cpuMillis: 'cpu',
  memoryBytes: 'memory',
  pids: 'pids',
  slices: 'slices',
};

/** The line for a group that no node fits. */
export function explainNodes(group: PendingGroup, misfits: ReadonlyMap<string, Misfit>): string {
  if (misfits.size === 0) return `0/0 nodes fit: no node is registered${needsText(group)}`;
  const parts: string[] = [];
  for (const dimension of dimensions) {
    const short = [...misfits].flatMap(([node, misfit]) =>
      misfit.why === 'short' && misfit.of === dimension ? [{ node, by: misfit.by }] : [],
    );
    const [first, ...rest] = short;
    if (first === undefined) continue;
    const nearest = rest.reduce((best, one) => (one.by < best.by ? one : best), first);
    const by = amountText(dimension, nearest.by);
    parts.push(`${short.length} insufficient ${names[dimension]} (nearest ${nearest.node} short ${by})`);
  }
  const others = new Map<string, number>();
  for (const misfit of misfits.values())
    if (misfit.why === 'other') others.set(misfit.text, (others.get(misfit.text) ?? 0) + 1);
  for (const [text, count] of others) parts.push(`${count} ${text}`);
  return `0/${misfits.size} nodes fit: ${parts.join(', ')}${needsText(group)}`;
}

/** The line for a group whose herd has used up its quota in `dimension`. */
export function explainQuota(group: PendingGroup, herd: HerdState, dimension: Dimension): string {
  const text = (value: number): string => amountText(dimension, value);
  const quota = text(herd.quota[dimension] ?? 0);
  return `herd ${herd.name} is at its quota of ${names[dimension]}: ${text(herd.used[dimension])} of ${quota} used, ${text(group.needs[dimension])} more needed`;
}

/** `500m`, `1536Mi`: an amount as one would write it in resources; bytes are rounded up to what is readable. */
export function amountText(dimension: Dimension, value: number): string {
  if (dimension === 'cpuMillis') return value % 1000 === 0 ? String(value / 1000) : `${value}m`;
  if (dimension !== 'memoryBytes') return String(value);
  for (const [unit, bytes] of [
    ['Gi', 1024 ** 3],
    ['Mi', 1024 ** 2],
    ['Ki', 1024],
  ] as const) {
    if (value >= bytes && value % bytes === 0) return `${value / bytes}${unit}`;
    if (value >= 16 * bytes) return `${Math.ceil(value / bytes)}${unit}`;
  }
  return String(value);
}

/** A group of several slices says what they need together: none of them alone would tell. */
function needsText({ slices, needs }: PendingGroup): string {
  if (slices.length < 2) return '';
  const parts = dimensions
    .filter((dimension) => dimension !== 'slices' && needs[dimension] > 0)
    .map((dimension: keyof Amounts) => `${names[dimension]} ${amountText(dimension, needs[dimension])}`);
  return `; its ${slices.length} slices need together ${parts.join(', ')}`;
}
