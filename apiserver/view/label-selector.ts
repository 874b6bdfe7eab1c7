// Label selectors (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors).
import { ApiError } from '../../apis/index.ts';
import { labelValueProblem, qualifiedNameProblems } from '../schema/meta.ts';

type Labels = Readonly<Record<string, string>>;

/** Whether labels meet a selector. */
export type LabelSelector = (labels: Labels) => boolean;

const requirementsMax = 100;

/** Parses a selector; the empty one selects everything (undefined). Errors: BadRequest. */
export function parseLabelSelector(text: string): LabelSelector | undefined {
  const tokens = tokenise(text);
  if (tokens.length === 0) return undefined;
  const requirements: LabelSelector[] = [];
  const reader = new Reader(tokens);
  for (;;) {
    requirements.push(requirement(reader));
    if (requirements.length > requirementsMax) throw problem(`more than ${requirementsMax} requirements`);
    const token = reader.take();
    if (token === undefined) break;
    if (token !== ',') throw problem(`found '${token}', expected: ',' or 'end of string'`);
  }
  return (labels) => requirements.every((holds) => holds(labels));
}

class Reader {
  readonly #tokens: readonly string[];
  #next = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  peek(): string | undefined {
    return this.#tokens[this.#next];
  }

  take(): string | undefined {
    return this.#tokens[this.#next++];
  }
}

const operators = new Set(['=', '==', '!=', '>', '<', '!', '(', ')', ',']);

function tokenise(text: string): string[] {
  return text.match(/==|!=|[=<>!(),]|[^\s=<>!(),]+/g) ?? [];
}

function requirement(reader: Reader): LabelSelector {
  if (reader.peek() === '!') {
    reader.take();
    const key = keyIn(reader);
    return (labels) => !Object.hasOwn(labels, key);
  }
  const key = keyIn(reader);
  const next = reader.peek();
  if (next === undefined || next === ',') return (labels) => Object.hasOwn(labels, key);
  reader.take();
  switch (next) {
    case '=':
    case '==': {
      const value = valueIn(reader, key);
      return (labels) => labels[key] === value;
    }
    case '!=': {
      const value = valueIn(reader, key);
      return (labels) => labels[key] !== value;
    }
    case '>':
    case '<': {
      const value = valueIn(reader, key);
      if (!/^-?\d+$/.test(value))
        throw problem(
          `values[0][${key}]: Invalid value: "${value}": for 'Gt', 'Lt' operators, the value must be an integer`,
        );
      const sign = next === '>' ? 1 : -1;
      return (labels) => {
        const label = labels[key];
        return label !== undefined && /^-?\d+$/.test(label) && (Number(label) - Number(value)) * sign > 0;
      };
    }
    case 'in':
    case 'notin': {
      const values = valuesIn(reader, key);
      const isIn = next === 'in';
      return (labels) => {
        const label = labels[key];
        return label === undefined ? !isIn : values.has(label) === isIn;
      };
    }
    default:
      throw problem(`found '${next}', expected: in, notin, =, ==, !=, gt, lt`);
  }
}

function keyIn(reader: Reader): string {
  const token = reader.take();
  if (token === undefined || operators.has(token)) {
    throw problem(`found '${token ?? ''}', expected: !, identifier, or 'end of string'`);
  }
  const [why] = qualifiedNameProblems(token);
  if (why !== undefined) throw problem(`key: Invalid value: "${token}": ${why}`);
  return token;
}

function valueIn(reader: Reader, key: string): string {
  const token = reader.peek();
  if (token === undefined || token === ',') return '';
  reader.take();
  if (operators.has(token)) throw problem(`found '${token}', expected: identifier`);
  return checkedValue(token, key);
}

function valuesIn(reader: Reader, key: string): Set<string> {
  const open = reader.take();
  if (open !== '(') throw problem(`found '${open ?? ''}', expected: '('`);
  const values = new Set<string>();
  for (;;) {
    const token = reader.take();
    if (token === undefined) throw problem("found '', expected: ',' or ')'");
    if (token === ')') return values.size === 0 ? values.add('') : values;
    if (token === ',') continue;
    values.add(checkedValue(token, key));
  }
}

function checkedValue(value: string, key: string): string {
  const why = labelValueProblem(value);
  if (why !== undefined) throw problem(`invalid label value: "${value}": at key: "${key}": ${why}`);
  return value;
}

function problem(why: string): ApiError {
  return new ApiError('BadRequest', `unable to parse requirement: ${why}`);
}
