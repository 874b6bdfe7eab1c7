// Files, folders or stdin into objects with their place, so that every later complaint can name file, line and column.
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Document, isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml';
import { type KindInfo, kindInfos, type Unstructured } from '../../apis/index.ts';
import { CommandError, messageOf } from '../failure.ts';
import { findManifestKind, nearest } from '../resource.ts';
import type { Terminal } from '../terminal.ts';
import { isRecord } from '../values.ts';

/** An object as a user wrote it, and where. */
export interface Manifest {
  readonly object: Unstructured;
  readonly kind: KindInfo;
  /** `pipelines.yaml:12:1`, for messages. */
  readonly place: string;
  /** What paths inside are relative to. */
  readonly folder: string;
}

const endings = ['.yaml', '.yml', '.json'];
const fileBytesMax = 16 * 1024 * 1024;
const problemsMax = 20;

/** Reads every object in `sources` (files, folders, `-`). Errors: one CommandError that lists every problem found. */
export async function readManifests(
  sources: readonly string[],
  terminal: Pick<Terminal, 'cwd' | 'readStdin'>,
  options: { readonly recursive?: boolean } = {},
): Promise<Manifest[]> {
  const problems: string[] = [];
  const found: Manifest[] = [];
  for (const source of sources) {
    if (source === '-') {
      found.push(...parseManifests(await terminal.readStdin(), 'stdin', terminal.cwd, problems));
      continue;
    }
    if (/^https?:\/\//.test(source))
      throw new CommandError(
        `${source}: fetching manifests over the network is not supported; download the file first`,
      );
    for (const file of await filesOf(source, terminal.cwd, options.recursive === true)) {
      const path = resolve(terminal.cwd, file);
      found.push(...parseManifests(await readFile(path, 'utf8'), file, dirname(path), problems));
    }
  }
  problems.push(...duplicates(found));
  if (problems.length > 0) throw new CommandError(problemList(problems));
  if (found.length === 0) throw new CommandError(`no objects passed to apply: ${sources.join(', ')} holds none`);
  return found;
}

function problemList(problems: readonly string[]): string {
  const shown = problems.slice(0, problemsMax);
  const more = problems.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\nerror: ');
}

async function filesOf(source: string, cwd: string, recursive: boolean): Promise<string[]> {
  const path = resolve(cwd, source);
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) throw new CommandError(`the path "${source}" does not exist`);
  if (info.isDirectory()) {
    const entries = await readdir(path, { withFileTypes: true, recursive });
    const names = entries
      .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
      .map((entry) => join(source, join(entry.parentPath, entry.name).slice(path.length + 1)))
      .sort();
    if (names.length === 0) throw new CommandError(`the folder "${source}" holds no ${endings.join(', ')} file`);
    return names;
  }
  if (source.endsWith('.dsl') || source.endsWith('.feature'))
    throw new CommandError(
      `${source}: feature files cannot be compiled yet; write the pipeline as YAML (kind: Pipeline) for now`,
    );
  if (info.size > fileBytesMax)
    throw new CommandError(`${source}: larger than ${fileBytesMax} bytes, too large for a manifest`);
  return [source];
}

/** The objects of one text; what is wrong goes to `problems`. */
export function parseManifests(text: string, file: string, folder: string, problems: string[]): Manifest[] {
  const lines = new LineCounter();
  if (text.includes('\0')) {
    problems.push(`${file}: is binary, not YAML`);
    return [];
  }
  // Unique keys are checked below: the parser's own check takes quadratic time.
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  if (!Array.isArray(documents)) return [];
  const found: Manifest[] = [];
  for (const document of documents) {
    const at = (offset: number) => {
      const { line, col } = lines.linePos(offset);
      return `${file}:${line}:${col}`;
    };
    const [error] = document.errors;
    if (error !== undefined) {
      const { line, col } = lines.linePos(error.pos[0]);
      problems.push(`error parsing ${file}: line ${line}, column ${col}: ${firstLine(error.message)}`);
      continue;
    }
    if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) continue;
    const before = problems.length;
    findDoubledKeys(document.contents, (key, offset) =>
      problems.push(`${at(offset)}: the key "${key}" is there twice`),
    );
    if (problems.length > before) continue;
    found.push(...fromDocument(document, at, folder, problems));
  }
  return found;
}

function fromDocument(
  document: Document.Parsed,
  at: (offset: number) => string,
  folder: string,
  problems: string[],
): Manifest[] {
  const root = document.contents;
  const place = at(root?.range?.[0] ?? 0);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    problems.push(`${place}: ${messageOf(cause)}`);
    return [];
  }
  if (isList(value)) {
    const items = isMap(root) ? root.get('items', true) : undefined;
    const nodes = isSeq(items) ? items.items : [];
    return value.items.flatMap((item, index) => {
      const node = nodes[index];
      const offset = isMap(node) ? (node.range?.[0] ?? 0) : (root?.range?.[0] ?? 0);
      return toManifest(item, at(offset), folder, problems);
    });
  }
  return toManifest(value, place, folder, problems);
}

function toManifest(value: unknown, place: string, folder: string, problems: string[]): Manifest[] {
  const problem = (text: string): Manifest[] => {
    problems.push(`${place}: ${text}`);
    return [];
  };
  if (!isRecord(value)) return problem('not an object with apiVersion, kind and metadata');
  const { apiVersion, kind, metadata } = value;
  if (typeof apiVersion !== 'string') return problem('apiVersion is missing, e.g. "apiVersion: runink.io/v1"');
  if (typeof kind !== 'string') return problem('kind is missing, e.g. "kind: Pipeline"');
  const info = findManifestKind(apiVersion, kind);
  if (info === undefined) return problem(unknownKind(apiVersion, kind));
  if (!isRecord(metadata) || typeof metadata['name'] !== 'string' || metadata['name'] === '')
    return problem(`metadata.name of the ${kind} is missing`);
  for (const key of ['labels', 'annotations'])
    for (const [name, item] of Object.entries(isRecord(metadata[key]) ? metadata[key] : {}))
      if (typeof item !== 'string') return problem(`metadata.${key}.${name} must be a string; put it in quotes`);
  // The parser of outside data: from here on the server judges the rest.
  return [{ object: value as unknown as Unstructured, kind: info, place, folder }];
}

function unknownKind(apiVersion: string, kind: string): string {
  const text = `no matches for kind "${kind}" in version "${apiVersion}"`;
  const same = kindInfos.find((info) => info.kind === kind);
  if (same !== undefined)
    return `${text}; it is in ${same.group === '' ? same.version : `${same.group}/${same.version}`}`;
  const near = nearest(
    kind,
    kindInfos.map((info) => info.kind),
  );
  return near === undefined ? `${text}; "runictl api-resources" lists the kinds` : `${text}; did you mean "${near}"?`;
}

function duplicates(manifests: readonly Manifest[]): string[] {
  const first = new Map<string, Manifest>();
  return manifests.flatMap((manifest) => {
    const { name, namespace } = manifest.object.metadata;
    const key = [manifest.kind.kind, manifest.kind.scope === 'Namespaced' ? (namespace ?? '') : '', name].join('\0');
    const other = first.get(key);
    if (other === undefined) {
      first.set(key, manifest);
      return [];
    }
    return [`${manifest.place}: ${manifest.kind.kind} "${name ?? ''}" is there twice, first at ${other.place}`];
  });
}

function findDoubledKeys(node: unknown, report: (key: string, offset: number) => void): void {
  if (isSeq(node)) for (const item of node.items) findDoubledKeys(item, report);
  if (!isMap(node)) return;
  const seen = new Set<string>();
  for (const pair of node.items) {
    if (!isPair(pair)) continue;
    const key: unknown = isScalar(pair.key) ? pair.key.value : pair.key;
    const text = typeof key === 'string' ? key : JSON.stringify(key);
    if (seen.has(text)) report(text, (pair.key as Node | null)?.range?.[0] ?? node.range?.[0] ?? 0);
    seen.add(text);
    findDoubledKeys(pair.value, report);
  }
}

function isList(value: unknown): value is { readonly items: readonly unknown[] } {
  return (
    isRecord(value) &&
    typeof value['kind'] === 'string' &&
    value['kind'].endsWith('List') &&
    Array.isArray(value['items'])
  );
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
