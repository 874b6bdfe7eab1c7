// What a printer column of a user's kind shows, by its type. A value of another type shows nothing.
import type { PrinterColumn, Unstructured } from '../../apis/index.ts';
import { humanDuration } from './duration.ts';
import { jsonPathAll } from './json-path.ts';

/** The cell of a column for an object. */
export function customCell({ type, path }: PrinterColumn, object: Unstructured, nowMs: number): unknown {
  const values = jsonPathAll(object, path);
  const [first] = values;
  if (first === undefined || first === null) return null;
  switch (type) {
    case 'integer':
      return typeof first === 'number' ? Math.trunc(first) : null;
    case 'number':
      return typeof first === 'number' ? first : null;
    case 'boolean':
      return typeof first === 'boolean' ? first : null;
    case 'date': {
      if (typeof first !== 'string') return null;
      const ms = Date.parse(first);
      return Number.isNaN(ms) ? '<invalid>' : humanDuration(nowMs - ms);
    }
    case 'string':
      return values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(' ');
    default:
      return type satisfies never;
  }
}
