// `fieldPath` of a rule: `.a.b['c d']`, through fields and maps of the schema that the rule stands at.
import type { Node } from '../custom/node.ts';

const step = /^(?:\.([^.[\]]+)|\['((?:[^'\\]|\\.)*)'\])/;
const escapes: Readonly<Record<string, string>> = { a: '\u0007', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** The path as causes name fields; what cannot be read is left as it is. */
export function fieldPathOf(text: string): string {
  return (
    namesOf(text)
      ?.map((name, index) => (index === 0 ? name : `.${name}`))
      .join('') ?? text
  );
}

/** Whether a path leads to a field of the schema. */
export function isFieldPath(text: string, node: Node): boolean {
  const names = namesOf(text);
  if (names === undefined) return false;
  let here: Node | undefined = node;
  for (const name of names) {
    if (here === undefined) return false;
    const child: Node | undefined =
      here.properties.size > 0
        ? here.properties.get(name)
        : typeof here.additional === 'object'
          ? here.additional
          : undefined;
    if (child === undefined) return false;
    here = child;
  }
  return true;
}

function namesOf(text: string): string[] | undefined {
  const names: string[] = [];
  let rest = text.trim();
  while (rest !== '') {
    const found = step.exec(rest);
    if (found === null) return undefined;
    names.push(found[1] ?? (found[2] ?? '').replaceAll(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter));
    rest = rest.slice(found[0].length);
  }
  return names;
}
