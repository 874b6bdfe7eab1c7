// Exports: none by default, and each with a doc comment that says what it promises (STYLE 2 and 8).

import { isNode, type ParsedFile, parseFile, type SyntaxNode } from './imports.ts';

/** Findings about the exports of one file, one a line. */
export function checkExports(file: string, text: string): readonly string[] {
  const parsed = parseFile(file, text);
  const findings: string[] = [];
  const documented = new Set<string>();
  const declared = declaredNames(parsed);

  for (const node of parsed.body) {
    const at = `${file}:${parsed.lineOf(node.start)}`;
    if (node.type === 'ExportDefaultDeclaration') findings.push(`${at}: default export: give it a name (STYLE 2)`);
    if (node.type !== 'ExportNamedDeclaration' || isNode(node.source)) continue;
    for (const name of exportedAs(node)) if (name === 'default') findings.push(`${at}: default export: give it a name`);
    if (!needsDocs(file)) continue;

    const names = isNode(node.declaration) ? namesOf(node.declaration) : localNames(node);
    const place = isNode(node.declaration) ? node : undefined;
    for (const name of names) {
      const where = place ?? declared.get(name);
      // An overloaded function is documented once, at its first signature, a type together with the constant that it
      // is taken from (`color` and `Color`), an imported name at home.
      const key = name.toLowerCase();
      if (where === undefined || documented.has(key)) continue;
      documented.add(key);
      if (!hasDoc(parsed, where)) findings.push(`${at}: ${name} has no doc comment: say what it promises (STYLE 8)`);
    }
  }
  return findings;
}

const needsDocs = (file: string): boolean => file.endsWith('.ts') && !/^test\/|(\.test|conformance)\.ts$/.test(file);

/** Names declared at the top of a file without being exported there, each with its statement. */
function declaredNames(parsed: ParsedFile): ReadonlyMap<string, SyntaxNode> {
  const found = new Map<string, SyntaxNode>();
  for (const node of parsed.body)
    if (!node.type.startsWith('Import') && !node.type.startsWith('Export'))
      for (const name of namesOf(node)) if (!found.has(name)) found.set(name, node);
  return found;
}

function namesOf(declaration: SyntaxNode): readonly string[] {
  if (declaration.type === 'VariableDeclaration') {
    const list: unknown[] = Array.isArray(declaration.declarations) ? declaration.declarations : [];
    return list.flatMap((item) => (isNode(item) ? identifier(item.id) : []));
  }
  return identifier(declaration.id);
}

function identifier(id: unknown): readonly string[] {
  return isNode(id) && typeof id.name === 'string' ? [id.name] : [];
}

function specifiers(node: SyntaxNode): readonly SyntaxNode[] {
  return Array.isArray(node.specifiers) ? node.specifiers.filter(isNode) : [];
}

const localNames = (node: SyntaxNode): readonly string[] => specifiers(node).flatMap(({ local }) => identifier(local));
const exportedAs = (node: SyntaxNode): readonly string[] =>
  specifiers(node).flatMap(({ exported }) => identifier(exported));

/** Whether a doc comment ends right before the node, or before the unbroken block of one-line exports that it is in. */
function hasDoc(parsed: ParsedFile, node: SyntaxNode): boolean {
  const isDocumented = parsed.comments.some(
    ({ type, value, end }) =>
      type === 'Block' &&
      value.startsWith('*') &&
      end <= node.start &&
      parsed.text.slice(end, node.start).trim() === '',
  );
  if (isDocumented) return true;
  const previous = parsed.body.find(
    ({ end }) => typeof end === 'number' && parsed.text.slice(end, node.start) === '\n',
  );
  const isOneLine = previous !== undefined && parsed.lineOf(previous.start) === parsed.lineOf(node.start) - 1;
  return isOneLine && previous.type === 'ExportNamedDeclaration' && hasDoc(parsed, previous);
}
