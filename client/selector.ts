// Kubernetes' selector syntax (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#api).
import { ApiError, type ApiObject } from '../apis/index.ts';

/** Whether an object is meant. */
export type Selector = (object: ApiObject) => boolean;

const requirement =
  /^\s*(?:(!)\s*([^\s!=(),]+)|([^\s!=(),]+)\s*(?:(==?|!=)\s*([^\s!=(),]*)|\s(in|notin)\s*\(([^()]*)\))?)\s*(?:,|$)/;

/** Reads `a=b,c!=d,e in (x,y),f notin (z),g,!h`. Errors: BadRequest. */
export function labelSelector(text: string): Selector {
  const parts: ((labels: Readonly<Record<string, string>>) => boolean)[] = [];
  for (let rest = text; rest.trim() !== ''; ) {
    const match = requirement.exec(rest);
    if (match === null) throw new ApiError('BadRequest', `label selector "${text}" cannot be read at "${rest}"`);
    rest = rest.slice(match[0].length);
    const [, , absent, key = '', operator, value = '', set, list = ''] = match;
    if (absent !== undefined) parts.push((labels) => !(absent in labels));
    else if (operator === '!=') parts.push((labels) => labels[key] !== value);
    else if (operator !== undefined) parts.push((labels) => labels[key] === value);
    else if (set !== undefined) {
      const values = list.split(',').map((one) => one.trim());
      parts.push((labels) => {
        const own = labels[key];
        return (own !== undefined && values.includes(own)) === (set === 'in');
      });
    } else parts.push((labels) => key in labels);
  }
  return (object) => parts.every((part) => part(object.metadata.labels ?? {}));
}

/** Reads `path=value,path!=value`; absent fields are ''. Errors: BadRequest, also for a path not in `selectable`. */
export function fieldSelector(text: string, selectable: readonly string[]): Selector {
  const parts = text.split(',').map((part): Selector => {
    const match = /^\s*([^!=\s]+)\s*(==?|!=)\s*(.*?)\s*$/.exec(part);
    const [, path = '', operator = '', value = ''] = match ?? [];
    if (match === null) throw new ApiError('BadRequest', `field selector "${text}" cannot be read at "${part}"`);
    if (!['metadata.name', 'metadata.namespace', ...selectable].includes(path))
      throw new ApiError('BadRequest', `field label not supported: ${path}`);
    return (object) => (fieldText(object, path) === value) === (operator !== '!=');
  });
  return (object) => parts.every((part) => part(object));
}

function fieldText(object: ApiObject, path: string): string {
  let value: unknown = object;
  for (const name of path.split('.'))
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number' ? String(value) : '';
}
