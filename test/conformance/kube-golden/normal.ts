// What varies from one run to the next is given one name, so that what remains can be compared word by word.

/** One exchange as kube-golden.mjs writes it. */
export interface Exchange {
  readonly name: string;
  readonly res: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string | undefined>>;
    readonly body: unknown;
  };
}

/** kube-golden.mjs keeps so much of a body that is not one JSON text. */
const keptCharactersMax = 6_000;

/** Fields whose values only say when, where or by whom something was done. */
const volatileFields = new Set([
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'time',
  'continue',
  'storageVersionHash',
  'serverAddress',
  // Everybody describes in words of their own.
  'description',
]);

/** The body with what varies named; a stream of JSON texts becomes a list. */
export function normalBody(body: unknown): unknown {
  return normal(typeof body === 'string' ? framesOf(body) : body);
}

function normal(value: unknown): unknown {
  if (typeof value === 'string') return normalText(value);
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(sorted(value)).map(([key, item]): [string, unknown] => [
    key,
    volatileFields.has(key) && item !== null && item !== ''
      ? `<${key}>`
      : key === 'managedFields'
        ? owners(item)
        : normal(item),
  ]);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Newer Kubernetes keeps what was written through a subresource in an entry of its own. */
function owners(entries: unknown): unknown {
  if (!Array.isArray(entries)) return entries;
  const merged = new Map<string, Record<string, unknown>>();
  for (const { subresource: _subresource, time: _time, ...entry } of entries) {
    const key = `${entry.manager} ${entry.operation} ${entry.apiVersion}`;
    const before = merged.get(key);
    merged.set(key, { ...entry, time: '<time>', fieldsV1: union(before?.['fieldsV1'], entry.fieldsV1) });
  }
  return [...merged.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => normal(entry));
}

function union(a: unknown, b: unknown): unknown {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return b;
  const sides = [new Map(Object.entries(a)), new Map(Object.entries(b))] as const;
  const keys = new Set(sides.flatMap((side) => [...side.keys()]));
  return Object.fromEntries(
    [...keys].map((key) => [key, union(sides[0].get(key), sides[1].get(key) ?? sides[0].get(key))]),
  );
}

// The kinds of a group come in the order of a map.
function sorted(value: object): object {
  if (!('resources' in value) || !Array.isArray(value.resources) || !('groupVersion' in value)) return value;
  const resources = value.resources.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return { ...value, resources };
}

const uid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g;

function normalText(text: string): string {
  return (
    text
      .replaceAll(uid, '<uid>')
      .replaceAll(time, '<time>')
      .replaceAll(/^gen-[a-z0-9]{5}$/g, 'gen-<random>')
      // An age in a Table.
      .replaceAll(/^\d+[smh]$/g, '<age>')
      .replaceAll(/(ResourceVersion in record|too old resource version: 1) \(\d+\)/g, '$1 (<version>)')
      // Newer Kubernetes reads JSON with another library, which says no more than this.
      .replaceAll(/unmarshalerDecoder: |, error found in #\d+ byte of .*$/gs, '')
      // Newer Kubernetes names the item of a list.
      .replaceAll(/\[\d+\]/g, '')
  );
}

function framesOf(text: string): unknown {
  const frames: unknown[] = [];
  const lines = text.split('\n').filter((line) => line !== '');
  for (const [index, line] of lines.entries()) {
    try {
      frames.push(JSON.parse(line));
    } catch {
      const isCut = index === lines.length - 1 && text.length === keptCharactersMax;
      if (!isCut || index === 0) return text;
    }
  }
  if (lines.length === 0) return text;
  // What is there when a watch begins comes in no order.
  return frames.every((frame) => typeOf(frame) === 'ADDED') ? frames.toSorted((a, b) => order(a, b)) : frames;
}

function typeOf(frame: unknown): unknown {
  return typeof frame === 'object' && frame !== null && 'type' in frame ? frame.type : undefined;
}

function order(a: unknown, b: unknown): number {
  return JSON.stringify(normal(a)) < JSON.stringify(normal(b)) ? -1 : 1;
}
