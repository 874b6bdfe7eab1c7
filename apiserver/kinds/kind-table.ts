// The live table of kinds: what is built in, and what users have defined. Pure but for its memory: it is told of stored
// definitions and tells what it serves.
import {
  type CustomResourceDefinition,
  definitionOf,
  isEstablished,
  type KindInfo,
  kindsOfDefinition,
  type Unstructured,
} from '../../apis/index.ts';
import type { Revision } from '../../barn/index.ts';
import { jsonEqual } from '../json.ts';

/** A stored definition. */
export interface StoredDefinition {
  readonly key: string;
  readonly revision: Revision;
  /** When it was created: who comes first has the names. */
  readonly created: Revision;
  readonly object: Unstructured;
}

/** A definition in the table. */
export interface KnownDefinition extends Omit<StoredDefinition, 'object'> {
  readonly definition: CustomResourceDefinition;
  /** One for each served version; none before it is established. */
  readonly kinds: readonly KindInfo[];
}

/** What became of a definition. `schema`: what its objects look like, or where they are found, has changed. */
export interface DefinitionChange {
  readonly uid: string;
  readonly what: 'schema' | 'other' | 'gone';
  readonly known: KnownDefinition;
}

/** Which kinds there are now. */
export interface Kinds {
  /** The kind of a group, version and plural, or undefined. */
  kindOf(group: string, version: string, plural: string): KindInfo | undefined;
  /** Every kind, one row a version; the same array until something changes. */
  all(): readonly KindInfo[];
  /** Changes whenever `all` does. */
  readonly generation: number;
}

/** The table itself. */
export class KindTable implements Kinds {
  readonly #builtIn: readonly KindInfo[];
  readonly #known = new Map<string, KnownDefinition>();
  readonly #listeners = new Set<(change: DefinitionChange) => void>();
  #byPath = new Map<string, KindInfo>();
  #all: readonly KindInfo[] = [];
  #generation = 0;
  /** Nothing at or before this is news. */
  #at: Revision = 0;

  constructor(builtIn: readonly KindInfo[]) {
    this.#builtIn = builtIn;
    this.#rebuild();
  }

  get generation(): number {
    return this.#generation;
  }

  /** The revision that the table is complete at; 0 before it was first told. */
  get revision(): Revision {
    return this.#at;
  }

  kindOf(group: string, version: string, plural: string): KindInfo | undefined {
    return this.#byPath.get(pathOf(group, version, plural));
  }

  all(): readonly KindInfo[] {
    return this.#all;
  }

  /** All definitions, the oldest first. */
  definitions(): readonly KnownDefinition[] {
    return [...this.#known.values()].sort((a, b) => a.created - b.created);
  }

  /** Calls `listener` after each change of a definition, until what it returns is called. */
  onChange(listener: (change: DefinitionChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes all definitions as of a revision. Older news than what is known changes nothing. */
  replace(stored: readonly StoredDefinition[], revision: Revision): void {
    if (revision < this.#at) return;
    this.#at = revision;
    const keys = new Set(stored.map(({ key }) => key));
    const changes = [...this.#known.keys()].filter((key) => !keys.has(key)).map((key) => this.#drop(key));
    for (const one of stored) changes.push(...this.#take(one));
    this.#tell(changes);
  }

  /** Takes what one revision did to one definition. */
  put(stored: StoredDefinition): void {
    if (stored.revision <= this.#at) return;
    this.#tell(this.#take(stored));
  }

  /** A definition was removed at a revision. */
  remove(key: string, revision: Revision): void {
    if (revision <= this.#at || !this.#known.has(key)) return;
    this.#tell([this.#drop(key)]);
  }

  /** Everything up to `revision` was told. */
  reached(revision: Revision): void {
    this.#at = Math.max(this.#at, revision);
  }

  #take(stored: StoredDefinition): DefinitionChange[] {
    const { object, ...place } = stored;
    const definition = definitionOf(object);
    const before = this.#known.get(stored.key);
    if (before !== undefined && before.revision >= stored.revision) return [];
    const uid = definition.metadata.uid ?? '';
    // Another one of the same name: deleted and made anew while nobody looked.
    const isOther = before !== undefined && before.definition.metadata.uid !== uid;
    const gone = isOther ? [this.#drop(stored.key)] : [];
    const old = isOther ? undefined : before;
    const isSame = old !== undefined && servesSame(old.definition, definition);
    // Kept as they are when nothing that they are made of has changed: what hangs on them (compiled schemas, documents) stays.
    const known = { ...place, definition, kinds: isSame ? old.kinds : kindsOfDefinition(definition) };
    this.#known.set(stored.key, known);
    const isNew = old === undefined || !jsonEqual(old.definition.spec, definition.spec);
    return [...gone, { uid, what: isNew ? 'schema' : 'other', known }];
  }

  #drop(key: string): DefinitionChange {
    const known = this.#known.get(key);
    if (known === undefined) throw new Error(`${key} is not in the table of kinds`);
    this.#known.delete(key);
    return { uid: known.definition.metadata.uid ?? '', what: 'gone', known };
  }

  #tell(changes: readonly DefinitionChange[]): void {
    if (changes.length === 0) return;
    this.#rebuild();
    for (const change of changes) for (const listener of this.#listeners) listener(change);
  }

  #rebuild(): void {
    const custom = this.definitions().flatMap(({ kinds }) => kinds);
    const byPath = new Map<string, KindInfo>();
    // What is built in comes first: a definition of the same name is never given it.
    for (const info of [...this.#builtIn, ...custom]) {
      const path = pathOf(info.group, info.version, info.plural);
      if (!byPath.has(path)) byPath.set(path, info);
    }
    const all = [...byPath.values()];
    if (all.length === this.#all.length && all.every((info, index) => info === this.#all[index])) return;
    this.#byPath = byPath;
    this.#all = all;
    this.#generation++;
  }
}

function servesSame(a: CustomResourceDefinition, b: CustomResourceDefinition): boolean {
  return (
    a.metadata.generation === b.metadata.generation &&
    a.metadata.deletionTimestamp === b.metadata.deletionTimestamp &&
    isEstablished(a) === isEstablished(b) &&
    jsonEqual(a.status?.acceptedNames, b.status?.acceptedNames)
  );
}

function pathOf(group: string, version: string, plural: string): string {
  return `${group}/${version}/${plural}`;
}
