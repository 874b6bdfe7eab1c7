// Who has which names in a group, and so which definitions are served. Pure. Definitions are judged in the order they were
// created, so that all servers come to the same end, whatever they have seen so far.
import {
  type Condition,
  type CustomResourceDefinition,
  type CustomResourceNames,
  isEstablished,
  isTerminating,
  type KindInfo,
} from '../../apis/index.ts';
import { jsonEqual } from '../json.ts';
import { conditionsWith } from './conditions.ts';

/** What of a built-in kind takes names in its group. */
export type Taken = Pick<KindInfo, 'group' | 'plural' | 'singular' | 'shortNames' | 'kind' | 'listKind'>;

type Status = NonNullable<CustomResourceDefinition['status']>;

/** The status that a definition should have, where it has another one. */
export interface NamingChange {
  readonly definition: CustomResourceDefinition;
  readonly status: Status;
}

interface Names {
  /** Plurals, singulars and short names. */
  readonly resources: Map<string, string>;
  /** Kinds and list kinds. */
  readonly kinds: Map<string, string>;
}

/** What is to be written, of all definitions, the oldest first; `time` is now, as conditions have it. */
export function planNames(
  definitions: readonly CustomResourceDefinition[],
  builtIn: readonly Taken[],
  time: string,
): readonly NamingChange[] {
  const groups = new Map<string, Names>();
  const namesOf = (group: string): Names => {
    let names = groups.get(group);
    if (names === undefined) {
      names = { resources: new Map(), kinds: new Map() };
      groups.set(group, names);
    }
    return names;
  };
  for (const info of builtIn) claim(namesOf(info.group), info, 'built in');
  // What was accepted once is kept before anything else is given out.
  for (const { metadata, spec, status } of definitions)
    if (status?.acceptedNames !== undefined) claim(namesOf(spec.group), status.acceptedNames, metadata.uid ?? '');
  const changes: NamingChange[] = [];
  for (const definition of definitions) {
    // One that is going keeps its names until it is gone.
    if (isTerminating(definition)) continue;
    const names = namesOf(definition.spec.group);
    const status = statusOf(definition, names, time);
    if (!sameStatus(definition.status, status)) changes.push({ definition, status });
    if (status.acceptedNames !== undefined) claim(names, status.acceptedNames, definition.metadata.uid ?? '');
  }
  return changes;
}

function claim({ resources, kinds }: Names, names: Taken | CustomResourceNames, by: string): void {
  const take = (map: Map<string, string>, name: string | undefined): void => {
    if (name !== undefined && name !== '' && !map.has(name)) map.set(name, by);
  };
  for (const name of [names.plural, names.singular, ...(names.shortNames ?? [])]) take(resources, name);
  take(kinds, names.kind);
  take(kinds, names.listKind);
}

function statusOf(definition: CustomResourceDefinition, { resources, kinds }: Names, time: string): Status {
  const { metadata, spec, status } = definition;
  const { names } = spec;
  const uid = metadata.uid ?? '';
  const conflicts: { readonly reason: string; readonly message: string }[] = [];
  const free = (map: Map<string, string>, wanted: readonly string[], reason: string): boolean => {
    const taken = wanted.filter((name) => (map.get(name) ?? uid) !== uid).map((name) => `"${name}" is already in use`);
    if (taken.length === 0) return true;
    conflicts.push({ reason, message: taken.length === 1 ? (taken[0] ?? '') : `[${taken.join(', ')}]` });
    return false;
  };
  const had = status?.acceptedNames ?? { plural: '', kind: '' };
  const { singular = '', listKind = '', shortNames = [] } = names;
  const accepted: CustomResourceNames = {
    plural: free(resources, [names.plural], 'PluralConflict') ? names.plural : had.plural,
    ...optional('singular', free(resources, [singular], 'SingularConflict') ? singular : had.singular),
    ...optional('shortNames', free(resources, shortNames, 'ShortNamesConflict') ? names.shortNames : had.shortNames),
    kind: free(kinds, [names.kind], 'KindConflict') ? names.kind : had.kind,
    ...optional('listKind', free(kinds, [listKind], 'ListKindConflict') ? listKind : had.listKind),
    ...optional('categories', names.categories),
  };
  const conflict = conflicts.at(-1);
  const condition = (type: string, is: boolean, reason: string, message: string): Condition => ({
    type,
    status: is ? 'True' : 'False',
    reason,
    message,
    lastTransitionTime: time,
  });
  const isAccepted = conflict === undefined;
  let next = { ...definition, status: { ...status, acceptedNames: accepted } };
  const set = (wanted: Condition): void => {
    next = { ...next, status: { ...next.status, conditions: conditionsWith(next, wanted) } };
  };
  set(
    isAccepted
      ? condition('NamesAccepted', true, 'NoConflicts', 'no conflicts found')
      : condition('NamesAccepted', false, conflict.reason, conflict.message),
  );
  // Once it is served, it is served until it is deleted, whatever becomes of its names.
  if (!isEstablished(definition))
    set(
      isAccepted
        ? condition('Established', true, 'InitialNamesAccepted', 'the initial names have been accepted')
        : condition('Established', false, 'NotAccepted', 'not all names are accepted'),
    );
  return next.status;
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [key in K]?: V } {
  const given: { [key in K]?: V } = {};
  if (value !== undefined) given[key] = value;
  return given;
}

// Times do not make a difference: whoever writes first says when.
function sameStatus(before: Status | undefined, after: Status): boolean {
  const bare = (status: Status | undefined) => ({
    names: status?.acceptedNames,
    conditions: status?.conditions?.map(({ lastTransitionTime: _time, ...rest }) => rest),
  });
  return jsonEqual(bare(before), bare(after));
}
