/** What is written: about 1 KB as it is stored. */
const objectBytes = 700;

/** An annotation as JSON. */
export function annotation(name: string): string {
  return JSON.stringify({
    apiVersion: 'runink.io/v1',
    kind: 'Annotation',
    metadata: { name },
    spec: { annotatedDataRef: { dataset: 'bench' }, key: 'k', value: 'x'.repeat(objectBytes) },
  });
}

/** An event about a node as JSON. */
export function eventOf(name: string, node: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name },
    involvedObject: { kind: 'Node', name: node },
    reason: 'Bench',
    message: 'x'.repeat(objectBytes),
    type: 'Normal',
  });
}

/** The number below which `share` of sorted numbers lie. */
export function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
