// What clients saw of a kind's objects, judged by the whole history of them. Pure.

/** One change of an object; a history has them in order of their versions. */
export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  readonly name: string;
}

/** What a client saw. `since` is the newest version that any client had been told of when the request began. */
export type Observation =
  /** A get, with the version found; undefined: nothing of that name. */
  | { readonly saw: 'object'; readonly name: string; readonly version: number | undefined; readonly since: number }
  /** A list without a version, whole or in pages: of `at`, with the version of each name. */
  | { readonly saw: 'list'; readonly at: number; readonly items: ReadonlyMap<string, number>; readonly since: number }
  /** Everything that a watch told after `after` and up to `upTo`. */
  | { readonly saw: 'changes'; readonly after: number; readonly upTo: number; readonly changes: readonly Change[] }
  /** A write that was acknowledged with its version. */
  | { readonly saw: 'write'; readonly name: string; readonly version: number };

/** One line for each observation that no order of events explains in which each request happened between its begin and end. */
export function judge(history: readonly Change[], observations: readonly Observation[]): readonly string[] {
  const byName = new Map<string, Change[]>();
  for (const change of history) byName.set(change.name, [...(byName.get(change.name) ?? []), change]);
  const violations = observations.flatMap((seen) => {
    switch (seen.saw) {
      case 'object':
        return judgeObject(byName.get(seen.name) ?? [], seen);
      case 'write':
        return byName.get(seen.name)?.some(({ version }) => version === seen.version) === true
          ? []
          : [`the write of ${seen.name} at ${seen.version} was acknowledged and is in no history`];
      case 'changes':
        return judgeChanges(history, seen);
      case 'list':
        return seen.at < seen.since ? [`a list at ${seen.at} is older than ${seen.since}, told before it began`] : [];
      default:
        return seen satisfies never;
    }
  });
  const lists = observations.filter((seen) => seen.saw === 'list').toSorted((a, b) => a.at - b.at);
  return [...violations, ...judgeLists(history, lists)];
}

/** What was seen must have been so at some time since the request began. */
function judgeObject(own: readonly Change[], seen: Extract<Observation, { saw: 'object' }>): readonly string[] {
  const { name, version, since } = seen;
  const what = `a get of ${name}, begun when ${since} was known,`;
  if (version === undefined) {
    const before = own.findLast((change) => change.version <= since);
    const isAbsent = before === undefined || before.type === 'DELETED';
    const goes = own.some((change) => change.version > since && change.type === 'DELETED');
    return isAbsent || goes ? [] : [`${what} found nothing, but it is there since ${before.version}`];
  }
  const at = own.findIndex((change) => change.version === version && change.type !== 'DELETED');
  if (at < 0) return [`${what} found version ${version}, which never was`];
  const next = own[at + 1];
  return next === undefined || next.version > since
    ? []
    : [`${what} found version ${version}, which was over at ${next.version}`];
}

function judgeChanges(
  history: readonly Change[],
  { after, upTo, changes }: Extract<Observation, { saw: 'changes' }>,
): readonly string[] {
  const text = (some: readonly Change[]): string =>
    some.map(({ type, name, version }) => `${type} ${name} ${version}`).join(', ');
  const told = text(changes);
  const happened = text(history.filter(({ version }) => version > after && version <= upTo));
  return told === happened ? [] : [`a watch of (${after}, ${upTo}] told [${told}], but there happened [${happened}]`];
}

/** Each list is what there was at its version; `lists` are in order. */
function judgeLists(
  history: readonly Change[],
  lists: readonly Extract<Observation, { saw: 'list' }>[],
): readonly string[] {
  const state = new Map<string, number>();
  let next = 0;
  return lists.flatMap(({ at, items }) => {
    for (let change = history[next]; change !== undefined && change.version <= at; change = history[++next]) {
      if (change.type === 'DELETED') state.delete(change.name);
      else state.set(change.name, change.version);
    }
    const text = (some: ReadonlyMap<string, number>): string =>
      [...some]
        .map(([name, version]) => `${name}@${version}`)
        .toSorted()
        .join(' ');
    return text(items) === text(state) ? [] : [`a list at ${at} had [${text(items)}], but there was [${text(state)}]`];
  });
}
