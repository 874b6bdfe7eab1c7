import type { Manifest } from './read.ts';

// What others name comes first; within a rank the user's order stays.
const ranks: Readonly<Record<string, number>> = {
  Herd: 0,
  Namespace: 0,
  ServiceAccount: 1,
  Secret: 1,
  Contract: 2,
  Bundle: 3,
  Annotation: 4,
  Pipeline: 5,
  Run: 6,
};

/** Manifests in the order in which they can be applied. */
export function inOrder(manifests: readonly Manifest[]): Manifest[] {
  return manifests.toSorted((a, b) => (ranks[a.kind.kind] ?? 4) - (ranks[b.kind.kind] ?? 4));
}
