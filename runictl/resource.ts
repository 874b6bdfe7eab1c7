// What `get`, `delete` and others take as arguments: TYPE, TYPE NAME…, TYPE/NAME…, TYPE,TYPE.
import { type KindInfo, kindInfos } from '../apis/index.ts';
import { UsageError } from './failure.ts';

/** A kind, and the names asked for; none means all. */
export interface Selection {
  readonly kind: KindInfo;
  readonly names: readonly string[];
}

const all = ['pipelines', 'runs', 'slices'];

/** The kind that a word names: plural, singular, kind, short name, or plural.group; as kubectl, in any case. */
export function findKind(word: string): KindInfo {
  const [plain, ...group] = word.toLowerCase().split('.');
  const found = kindInfos.find(
    (kind) =>
      [kind.plural, kind.singular, kind.kind.toLowerCase(), ...kind.shortNames].includes(plain ?? '') &&
      (group.length === 0 || isGroup(kind, group.join('.'))),
  );
  if (found !== undefined) return found;
  const near = nearest(
    word.toLowerCase(),
    kindInfos.flatMap((kind) => [kind.plural, kind.singular]),
  );
  throw new UsageError(
    `the server doesn't have a resource type "${word}"${near === undefined ? '' : `. Did you mean "${near}"?`} "runictl api-resources" lists them.`,
  );
}

/** The kind of a manifest, or undefined. */
export function findManifestKind(apiVersion: string, kind: string): KindInfo | undefined {
  return kindInfos.find(
    (info) => info.kind === kind && (info.group === '' ? info.version : `${info.group}/${info.version}`) === apiVersion,
  );
}

/** Reads arguments into kinds and names, in the order given. */
export function parseSelections(args: readonly string[]): Selection[] {
  const [first, ...names] = args;
  if (first === undefined) throw new UsageError('you must name a resource type, e.g. "runictl get pipelines"');
  if (!args.some((word) => word.includes('/'))) return kindsOf(first).map((kind) => ({ kind, names }));
  const byKind = new Map<KindInfo, string[]>();
  for (const word of args) {
    const [type = '', name = '', ...more] = word.split('/');
    if (type === '' || name === '' || more.length > 0)
      throw new UsageError(
        `there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. "runictl get resource/<resource_name>" instead of "runictl get resource resource/<resource_name>"): "${word}" is not TYPE/NAME`,
      );
    const kind = findKind(type);
    byKind.set(kind, [...(byKind.get(kind) ?? []), name]);
  }
  return [...byKind].map(([kind, wanted]) => ({ kind, names: wanted }));
}

/** Exactly one object, as TYPE/NAME or TYPE NAME; a bare NAME is of `standard`. */
export function parseOne(
  args: readonly string[],
  standard?: string,
): { readonly kind: KindInfo; readonly name: string } {
  const [only, second] = args;
  if (only !== undefined && second === undefined && !only.includes('/') && standard !== undefined)
    return { kind: findKind(standard), name: only };
  const [selection, ...more] = parseSelections(args);
  const [name, ...others] = selection?.names ?? [];
  if (selection === undefined || name === undefined || more.length > 0 || others.length > 0)
    throw new UsageError('name exactly one object, as TYPE/NAME or TYPE NAME');
  return { kind: selection.kind, name };
}

function kindsOf(word: string): KindInfo[] {
  const words = word.split(',').flatMap((part) => (part === 'all' ? all : [part]));
  return [...new Set(words.map(findKind))];
}

// `pipelines.runink.io`, `pipelines.v1.runink.io`, and `events.v1.` for core.
function isGroup(kind: KindInfo, text: string): boolean {
  return text === kind.group || text === `${kind.version}.${kind.group}`;
}

/** The candidate closest to a word, if it is at most two edits away. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: { readonly text: string; readonly edits: number } | undefined;
  for (const text of candidates) {
    const edits = editDistance(word, text);
    if (edits <= 2 && edits < (best?.edits ?? Number.POSITIVE_INFINITY)) best = { text, edits };
  }
  return best?.text;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [row, letter] of a.split('').entries()) {
    const current = [row + 1];
    for (const [column, other] of b.split('').entries())
      current.push(
        Math.min(
          (previous[column] ?? 0) + (letter === other ? 0 : 1),
          (previous[column + 1] ?? 0) + 1,
          (current[column] ?? 0) + 1,
        ),
      );
    previous = current;
  }
  return previous[b.length] ?? 0;
}
