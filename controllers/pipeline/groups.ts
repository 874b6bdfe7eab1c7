// Steps joined by pipes are one group; `after` and a source that an earlier sink writes order groups. Pure.

/** What ties steps together. */
export interface Ties {
  readonly steps: readonly string[];
  /** Pipes, producer first. */
  readonly pipes: readonly (readonly [string, string])[];
  /** Orders without records, the earlier step first, with the words that name the field that asks for it. */
  readonly orders: readonly { readonly first: string; readonly then: string; readonly field: string }[];
}

/** Steps joined by pipes: placed, started and retried together. */
export interface Group {
  readonly name: string;
  readonly steps: readonly string[];
  /** Names of groups that must have succeeded before. */
  readonly after: readonly string[];
}

/** Groups in an order in which they can run, or what makes that impossible. */
export function groupSteps(
  ties: Ties,
): { readonly groups: readonly Group[] } | { readonly problem: string; readonly field: string } {
  const pipeCycle = findCycle(ties.steps, ties.pipes);
  if (pipeCycle !== undefined) return { problem: `steps form a cycle: ${pipeCycle.join(' -> ')}`, field: 'spec.steps' };
  const nameOf = joinByPipes(ties);
  const after = new Map<string, Set<string>>();
  for (const { first, then, field } of ties.orders) {
    const [before, behind] = [nameOf(first), nameOf(then)];
    if (before === behind) {
      return {
        problem: `step "${then}" cannot wait for "${first}": pipes join them into one group that starts together`,
        field,
      };
    }
    after.set(behind, (after.get(behind) ?? new Set()).add(before));
  }
  const members = new Map<string, string[]>();
  for (const step of ties.steps) {
    const group = members.get(nameOf(step));
    if (group === undefined) members.set(nameOf(step), [step]);
    else group.push(step);
  }
  const names = [...members.keys()];
  const cycle = findCycle(
    names,
    [...after].flatMap(([behind, befores]) => [...befores].map((before) => [before, behind] as const)),
  );
  if (cycle !== undefined)
    return { problem: `groups of steps wait for each other: ${cycle.join(' -> ')}`, field: 'spec.steps' };
  const groups = names.map((name) => ({
    name,
    steps: members.get(name) ?? [],
    after: [...(after.get(name) ?? [])],
  }));
  return { groups: inOrder(groups) };
}

function joinByPipes(ties: Ties): (step: string) => string {
  const parent = new Map(ties.steps.map((step) => [step, step]));
  const rank = new Map(ties.steps.map((step, index) => [step, index]));
  const root = (step: string): string => {
    const up = parent.get(step) ?? step;
    if (up === step) return step;
    const top = root(up);
    parent.set(step, top);
    return top;
  };
  for (const [from, to] of ties.pipes) {
    const [a, b] = [root(from), root(to)];
    // The group is named for the step that the user wrote first.
    if ((rank.get(a) ?? 0) <= (rank.get(b) ?? 0)) parent.set(b, a);
    else parent.set(a, b);
  }
  return root;
}

function inOrder(groups: readonly Group[]): readonly Group[] {
  const done = new Set<string>();
  const ordered: Group[] = [];
  while (ordered.length < groups.length) {
    for (const group of groups) {
      if (done.has(group.name) || !group.after.every((name) => done.has(name))) continue;
      done.add(group.name);
      ordered.push(group);
    }
  }
  return ordered;
}

/** The names along one cycle, its first name repeated at the end; depth-first without recursion, as chains may be long. */
function findCycle(
  nodes: readonly string[],
  edges: readonly (readonly [string, string])[],
): readonly string[] | undefined {
  const next = new Map<string, string[]>();
  for (const [from, to] of edges) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set<string>();
  const onPath = new Set<string>();
  for (const start of nodes) {
    const path: { readonly name: string; index: number }[] = done.has(start) ? [] : [{ name: start, index: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const to = next.get(top.name)?.[top.index++];
      if (to === undefined) {
        done.add(top.name);
        onPath.delete(top.name);
        path.pop();
        continue;
      }
      onPath.add(top.name);
      if (onPath.has(to))
        return [...path.map((entry) => entry.name).slice(path.findIndex((entry) => entry.name === to)), to];
      if (!done.has(to)) path.push({ name: to, index: 0 });
    }
  }
  return undefined;
}
