// JSONPath templates as kubectl has them (https://kubernetes.io/docs/reference/kubectl/jsonpath/): text with {expressions}.
import { UsageError } from '../failure.ts';

/** One step of a path. */
export type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'wildcard' }
  | { readonly kind: 'recurse' }
  | { readonly kind: 'fields'; readonly names: readonly string[] }
  | { readonly kind: 'indices'; readonly indices: readonly number[] }
  | { readonly kind: 'slice'; readonly from?: number; readonly to?: number; readonly by?: number }
  | { readonly kind: 'filter'; readonly left: Operand; readonly operator?: string; readonly right?: Operand };

/** One side of a comparison in a filter. */
export type Operand =
  | { readonly kind: 'path'; readonly steps: readonly Step[] }
  | { readonly kind: 'value'; readonly value: string | number | boolean | null };

/** A piece of a template: text, or what a path finds. */
export type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'path'; readonly steps: readonly Step[] }
  | { readonly kind: 'range'; readonly steps: readonly Step[]; readonly body: readonly Part[] };

/** Reads a template; a bare path (`.metadata.name`) counts as one in braces. Errors: UsageError with the place. */
export function parseTemplate(template: string): readonly Part[] {
  const tokens = tokenise(/^[.$[@]/.test(template) && !template.includes('{') ? `{${template}}` : template);
  const stack: { parts: Part[]; steps: readonly Step[] }[] = [{ parts: [], steps: [] }];
  for (const token of tokens) {
    const top = stack.at(-1);
    if (top === undefined) break;
    if (!token.isExpression) {
      top.parts.push({ kind: 'text', text: token.text });
    } else if (token.text === 'end') {
      const closed = stack.pop();
      const outer = stack.at(-1);
      if (closed === undefined || outer === undefined)
        throw new UsageError(`jsonpath: {end} without {range} in ${template}`);
      outer.parts.push({ kind: 'range', steps: closed.steps, body: closed.parts });
    } else if (/^range\s/.test(token.text)) {
      stack.push({ parts: [], steps: parsePath(token.text.slice(6).trim()) });
    } else top.parts.push(...parseExpression(token.text));
  }
  const [root, open] = stack;
  if (open !== undefined || root === undefined) throw new UsageError(`jsonpath: {range} without {end} in ${template}`);
  return root.parts;
}

function parseExpression(text: string): Part[] {
  const quoted = /^(["'])(.*)\1$/s.exec(text);
  if (quoted !== null) return [{ kind: 'text', text: unescape(quoted[2] ?? '') }];
  return [{ kind: 'path', steps: parsePath(text) }];
}

/** Reads one path such as `.status.conditions[?(@.type=="Ready")].status`. */
export function parsePath(text: string): Step[] {
  const steps: Step[] = [];
  let rest = text.replace(/^[$@]/, '');
  if (rest !== '' && /^[^.[]/.test(rest)) rest = `.${rest}`;
  while (rest !== '') {
    const [step, after] = nextStep(rest, text);
    if (step !== undefined) steps.push(step);
    rest = after;
  }
  return steps;
}

function nextStep(rest: string, whole: string): [Step | undefined, string] {
  if (rest.startsWith('..')) return [{ kind: 'recurse' }, /^\.\.[[*]/.test(rest) ? rest.slice(2) : rest.slice(1)];
  if (rest.startsWith('*')) return [{ kind: 'wildcard' }, rest.slice(1)];
  if (rest.startsWith('.*')) return [{ kind: 'wildcard' }, rest.slice(2)];
  if (rest.startsWith('.[')) return [undefined, rest.slice(1)];
  if (rest === '.') return [undefined, ''];
  const field = /^\.((?:\\.|[^.[\\\s])+)/.exec(rest);
  if (field !== null)
    return [{ kind: 'field', name: (field[1] ?? '').replace(/\\(.)/g, '$1') }, rest.slice(field[0].length)];
  if (rest.startsWith('[')) {
    const end = closing(rest);
    if (end > 0) return [parseBracket(rest.slice(1, end).trim(), whole), rest.slice(end + 1)];
  }
  throw new UsageError(`jsonpath: cannot read "${rest}" in ${whole}`);
}

function parseBracket(inside: string, whole: string): Step {
  if (inside === '*') return { kind: 'wildcard' };
  const filter = /^\?\((.*)\)$/s.exec(inside);
  if (filter !== null) return parseFilter(filter[1] ?? '');
  if (/^-?\d+(\s*,\s*-?\d+)*$/.test(inside)) return { kind: 'indices', indices: inside.split(',').map(Number) };
  const slice = /^(-?\d*):(-?\d*)(?::(\d+))?$/.exec(inside);
  if (slice !== null)
    return {
      kind: 'slice',
      ...(slice[1] ? { from: Number(slice[1]) } : {}),
      ...(slice[2] ? { to: Number(slice[2]) } : {}),
      ...(slice[3] ? { by: Number(slice[3]) } : {}),
    };
  const names = [...inside.matchAll(/\s*(?:'((?:\\.|[^'])*)'|"((?:\\.|[^"])*)")\s*(?:,|$)/g)];
  if (names.length > 0 && names.map(([text]) => text).join('') === inside)
    return {
      kind: 'fields',
      names: names.map(([, single, double]) => (single ?? double ?? '').replace(/\\(.)/g, '$1')),
    };
  throw new UsageError(`jsonpath: cannot read [${inside}] in ${whole}`);
}

function parseFilter(text: string): Step {
  const match = /^\s*(.+?)\s*(==|!=|<=|>=|<|>)\s*(.+?)\s*$/s.exec(text);
  if (match === null) return { kind: 'filter', left: parseOperand(text.trim()) };
  const [, left = '', operator = '', right = ''] = match;
  return { kind: 'filter', left: parseOperand(left), operator, right: parseOperand(right) };
}

function parseOperand(text: string): Operand {
  const quoted = /^(["'])(.*)\1$/s.exec(text);
  if (quoted !== null) return { kind: 'value', value: quoted[2] ?? '' };
  if (text === 'true' || text === 'false') return { kind: 'value', value: text === 'true' };
  if (text === 'null' || text === 'nil') return { kind: 'value', value: null };
  if (/^-?\d+(\.\d+)?$/.test(text)) return { kind: 'value', value: Number(text) };
  return { kind: 'path', steps: parsePath(text) };
}

function tokenise(template: string): { readonly isExpression: boolean; readonly text: string }[] {
  const tokens: { isExpression: boolean; text: string }[] = [];
  let at = 0;
  while (at < template.length) {
    const open = template.indexOf('{', at);
    if (open !== at) tokens.push({ isExpression: false, text: template.slice(at, open < 0 ? undefined : open) });
    if (open < 0) break;
    const end = closing(template.slice(open));
    if (end < 0) throw new UsageError(`jsonpath: unclosed { at ${open + 1} in ${template}`);
    tokens.push({ isExpression: true, text: template.slice(open + 1, open + end).trim() });
    at = open + end + 1;
  }
  return tokens;
}

/** Index of the bracket that closes the one at 0, quotes respected; -1 if there is none. */
function closing(text: string): number {
  let depth = 0;
  let quote = '';
  for (let index = 0; index < text.length; index++) {
    const letter = text[index] ?? '';
    if (quote !== '') {
      if (letter === '\\') index++;
      else if (letter === quote) quote = '';
    } else if (letter === '"' || letter === "'") quote = letter;
    else if ('[{('.includes(letter)) depth++;
    else if (']})'.includes(letter) && --depth === 0) return index;
  }
  return -1;
}

function unescape(text: string): string {
  const known: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };
  return text.replace(/\\(.)/g, (_, letter: string) => known[letter] ?? letter);
}
