// Who asks for what of a kind. Watchers that ask for the same are one group, looked at once per change; a group that demands
// a value of a field is found by that value and costs nothing when another one changes.
import type { KindInfo, Unstructured } from '../../apis/index.ts';
import { type Selection, selects } from '../registry/list.ts';
import { type Stored, show } from '../storage/object-store.ts';
import { hasTwoValues } from '../view/event-subject.ts';
import { fieldText } from '../view/field-selector.ts';

/** Where watched objects lie; `named`: in a herd that was not there when the watch began. */
export type Scope =
  | { readonly kind: 'all' }
  | { readonly kind: 'herd'; readonly uid: string }
  | { readonly kind: 'named'; readonly herd: string };

/** What a watcher asks for; watchers with the same `text` and scope ask for the same. */
export interface Interest {
  readonly scope: Scope;
  readonly selection: Selection;
  /** The selectors as they were given. */
  readonly text: string;
}

/** Watchers that ask for the same, by the form in which they are told. */
export interface Group<Member> {
  readonly interest: Interest;
  readonly members: Map<string, Set<Member>>;
}

/** One change of an object as seen through a selection. */
export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** The state before and after one write of one key. */
export interface Written {
  readonly now: Stored | undefined;
  readonly before: Stored | undefined;
}

/** What a write is to who asks for `interest`: entering a selection is an addition, leaving it a deletion. */
export function changeTypeOf(info: KindInfo, interest: Interest, { now, before }: Written): ChangeType | undefined {
  const isIn = now !== undefined && takes(info, interest, now);
  const wasIn = before !== undefined && takes(info, interest, before);
  if (isIn) return wasIn ? 'MODIFIED' : 'ADDED';
  return wasIn ? 'DELETED' : undefined;
}

/** Whether an object is asked for. */
export function takes(info: KindInfo, { scope, selection }: Interest, stored: Stored): boolean {
  switch (scope.kind) {
    case 'all':
      break;
    case 'herd':
      if (stored.herdUid !== scope.uid) return false;
      break;
    case 'named':
      if (stored.object.metadata.namespace !== scope.herd) return false;
      break;
    default:
      return scope satisfies never;
  }
  return selects(selection, info, stored);
}

/** The groups of one kind. */
export class Groups<Member> {
  readonly #info: KindInfo;
  readonly #byName = new Map<string, Group<Member>>();
  readonly #everywhere = new Set<Group<Member>>();
  readonly #ofHerd = new Map<string, Set<Group<Member>>>();
  readonly #ofField = new Map<string, Map<string, Set<Group<Member>>>>();

  constructor(info: KindInfo) {
    this.#info = info;
  }

  get isEmpty(): boolean {
    return this.#byName.size === 0;
  }

  add(interest: Interest, form: string, member: Member): void {
    const name = nameOf(interest);
    let group = this.#byName.get(name);
    if (group === undefined) {
      group = { interest, members: new Map() };
      this.#byName.set(name, group);
      this.#place(group);
    }
    const members = group.members.get(form);
    if (members !== undefined) members.add(member);
    else group.members.set(form, new Set([member]));
  }

  /** Nothing happens when it is not there. */
  delete(interest: Interest, form: string, member: Member): void {
    const name = nameOf(interest);
    const group = this.#byName.get(name);
    const members = group?.members.get(form);
    if (group === undefined || members === undefined) return;
    members.delete(member);
    if (members.size > 0) return;
    group.members.delete(form);
    if (group.members.size > 0) return;
    this.#byName.delete(name);
    this.#displace(group);
  }

  /** Calls `tell` with every group that the write concerns, and with how. */
  forEach(written: Written, tell: (group: Group<Member>, type: ChangeType) => void): void {
    const look = (group: Group<Member>): void => {
      const type = changeTypeOf(this.#info, group.interest, written);
      if (type !== undefined) tell(group, type);
    };
    for (const group of this.#everywhere) look(group);
    const herdUid = (written.now ?? written.before)?.herdUid;
    if (herdUid !== undefined) for (const group of this.#ofHerd.get(herdUid) ?? []) look(group);
    if (this.#ofField.size === 0) return;
    const now = this.#shown(written.now);
    const before = this.#shown(written.before);
    for (const [field, ofValue] of this.#ofField) {
      const value = now && fieldText(now, field);
      const former = before && fieldText(before, field);
      if (value !== undefined) for (const group of ofValue.get(value) ?? []) look(group);
      if (former !== undefined && former !== value) for (const group of ofValue.get(former) ?? []) look(group);
    }
  }

  *members(): Generator<Member> {
    for (const group of this.#byName.values()) for (const members of group.members.values()) yield* members;
  }

  #shown(stored: Stored | undefined): Unstructured | undefined {
    return stored && show(this.#info, stored.object);
  }

  #place(group: Group<Member>): void {
    const { scope, selection } = group.interest;
    const demanded = demandOf(selection);
    if (demanded !== undefined) {
      const { field, value } = demanded;
      const ofValue = this.#ofField.get(field) ?? new Map<string, Set<Group<Member>>>();
      this.#ofField.set(field, ofValue);
      addTo(ofValue, value, group);
    } else if (scope.kind === 'herd') addTo(this.#ofHerd, scope.uid, group);
    else this.#everywhere.add(group);
  }

  #displace(group: Group<Member>): void {
    const { scope, selection } = group.interest;
    const demanded = demandOf(selection);
    if (demanded !== undefined) {
      const ofValue = this.#ofField.get(demanded.field);
      if (ofValue === undefined) return;
      deleteFrom(ofValue, demanded.value, group);
      if (ofValue.size === 0) this.#ofField.delete(demanded.field);
    } else if (scope.kind === 'herd') deleteFrom(this.#ofHerd, scope.uid, group);
    else this.#everywhere.delete(group);
  }
}

/** The field by whose value a selection is found: a name before others, since it picks the fewest. */
function demandOf({ fields }: Selection): { readonly field: string; readonly value: string } | undefined {
  const equal = fields.filter(({ op, field }) => op === '=' && !hasTwoValues(field));
  return equal.find(({ field }) => field === 'metadata.name') ?? equal[0];
}

// A separator that no name and no selector of a query holds.
function nameOf({ scope, text }: Interest): string {
  switch (scope.kind) {
    case 'all':
      return `\n${text}`;
    case 'herd':
      return `${scope.uid}\n${text}`;
    case 'named':
      return `=${scope.herd}\n${text}`;
    default:
      return scope satisfies never;
  }
}

function addTo<T>(sets: Map<string, Set<T>>, key: string, item: T): void {
  const set = sets.get(key);
  if (set !== undefined) set.add(item);
  else sets.set(key, new Set([item]));
}

function deleteFrom<T>(sets: Map<string, Set<T>>, key: string, item: T): void {
  const set = sets.get(key);
  set?.delete(item);
  if (set?.size === 0) sets.delete(key);
}
