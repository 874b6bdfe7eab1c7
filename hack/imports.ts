// Every module that a file names, found in its syntax tree: static and dynamic imports, export-from, type imports,
// require, and files named for workers and assets by `new URL('./x', import.meta.url)`. The linter's import rules
// read neither `import()` nor the resolved file, so hack/layers and hack/tidy look for themselves.

import { parseSync } from 'oxc-parser';

/** One mention of another module. */
export interface ImportedModule {
  /** As written; undefined when it is computed, so that nobody can tell what it will be. */
  readonly specifier: string | undefined;
  readonly line: number;
  /** Whether nothing of it is left at run time. */
  readonly isTypeOnly: boolean;
  /** An import or export-from of the language, a call of require, or a file named by its URL. */
  readonly kind: 'import' | 'require' | 'url';
}

/** A node of the tree as this file needs it: any object with a type and a place. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly [field: string]: unknown;
}

/** A parsed file. */
export interface ParsedFile {
  readonly text: string;
  readonly body: readonly SyntaxNode[];
  readonly comments: readonly {
    readonly type: string;
    readonly value: string;
    readonly start: number;
    readonly end: number;
  }[];
  /** The line, from 1, of an offset. */
  lineOf(offset: number): number;
}

/** Parses TypeScript or JavaScript. Throws an Error naming file and place when it is neither. */
export function parseFile(file: string, text: string): ParsedFile {
  const { program, comments, errors } = parseSync(file, text);
  const [error] = errors;
  if (error !== undefined) throw new Error(`${file}: ${error.message}`);
  const body: unknown = program.body;
  return {
    text,
    body: Array.isArray(body) ? body.filter(isNode) : [],
    comments,
    lineOf: (offset) => text.slice(0, offset).split('\n').length,
  };
}

/** All modules that the file mentions, in the order of the text. */
export function modulesOf(parsed: ParsedFile): readonly ImportedModule[] {
  const found: ImportedModule[] = [];
  const add = (
    node: SyntaxNode,
    source: unknown,
    isTypeOnly = false,
    kind: ImportedModule['kind'] = 'import',
  ): void => {
    found.push({ specifier: literal(source), line: parsed.lineOf(node.start), isTypeOnly, kind });
  };
  for (const statement of parsed.body) visit(statement);
  return found;

  function visit(node: SyntaxNode): void {
    switch (node.type) {
      case 'ImportDeclaration':
        add(node, node.source, node.importKind === 'type' || onlyTypes(node.specifiers, 'importKind'));
        break;
      case 'ExportNamedDeclaration':
      case 'ExportAllDeclaration':
        if (isNode(node.source))
          add(node, node.source, node.exportKind === 'type' || onlyTypes(node.specifiers, 'exportKind'));
        break;
      case 'ImportExpression':
        add(node, node.source);
        break;
      case 'TSImportType':
        add(node, node.source ?? node.argument, true);
        break;
      case 'TSExternalModuleReference':
        add(node, node.expression, false, 'require');
        break;
      case 'CallExpression':
        if (isNode(node.callee) && node.callee.type === 'Identifier' && node.callee.name === 'require')
          add(node, first(node.arguments), false, 'require');
        break;
      case 'NewExpression':
        if (isOwnUrl(node)) add(node, first(node.arguments), false, 'url');
        break;
      default:
    }
    for (const value of Object.values(node)) {
      if (isNode(value)) visit(value);
      else if (Array.isArray(value)) for (const item of value) if (isNode(item)) visit(item);
    }
  }
}

/** Whether a value of the tree is a node of it. */
export function isNode(value: unknown): value is SyntaxNode {
  return (
    typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'start' in value
  );
}

/** `new URL('./file', import.meta.url)`: a module (a worker) or an asset. `new URL('.', …)` and up are folders. */
function isOwnUrl(node: SyntaxNode): boolean {
  const [path, base] = list(node.arguments);
  if (!isNode(node.callee) || node.callee.name !== 'URL' || !isNode(base) || base.type !== 'MemberExpression')
    return false;
  return isNode(base.object) && base.object.type === 'MetaProperty' && /\.[jt]s$/.test(literal(path) ?? '');
}

function onlyTypes(specifiers: unknown, kind: 'importKind' | 'exportKind'): boolean {
  const all = Array.isArray(specifiers) ? specifiers : [];
  return all.length > 0 && all.every((specifier) => isNode(specifier) && specifier[kind] === 'type');
}

function literal(source: unknown): string | undefined {
  if (!isNode(source)) return undefined;
  if (source.type === 'TSLiteralType') return literal(source.literal);
  return typeof source.value === 'string' ? source.value : undefined;
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const first = (value: unknown): unknown => list(value)[0];
