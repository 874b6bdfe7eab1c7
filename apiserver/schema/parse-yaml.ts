// A body in YAML. Its parser is slow and aliases can make much of little, so a body is bounded far below one in JSON.
import { CST, Lexer, parseDocument, type Tags } from 'yaml';
import { ApiError } from '../../apis/index.ts';
import { type ParsedBody, parseBody } from './parse.ts';

/** More would hold up everybody else for too long: 413. */
export const yamlBytesMax = 32 * 1024;

/** Parses a body, as `parseBody`. Errors: BadRequest, RequestEntityTooLarge. */
export function parseYamlBody(text: string, expected: string, depthMax: number): ParsedBody {
  if (Buffer.byteLength(text) > yamlBytesMax) {
    throw new ApiError(
      'RequestEntityTooLarge',
      `Request entity too large: limit is ${yamlBytesMax} for application/yaml; send it as application/json`,
    );
  }
  let value: unknown;
  let duplicates: string[];
  try {
    checkDepth(text, depthMax);
    const document = parseDocument(text, yamlOptions);
    // What stands twice is told of and not refused here: the last one counts, as in JSON.
    const problem = document.errors.find(({ code }) => code !== 'DUPLICATE_KEY');
    if (problem !== undefined) throw problem;
    duplicates = document.errors.map(({ pos }) => keyAt(text, pos[0]));
    value = document.toJS({ maxAliasCount: aliasesMax });
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ApiError(
      'BadRequest',
      `the object provided is unrecognized (must be of type ${expected}): couldn't get version/kind; yaml: ${why}`,
      undefined,
      { cause },
    );
  }
  // Depth, names and what JSON cannot say are judged as for any body.
  return { value: parseBody(JSON.stringify(value) ?? '', expected, depthMax).value, duplicates };
}

/** As kubectl reads manifests (YAML 1.1), but for what JSON has no word for: a time stays the text that it is. */
export const yamlOptions = {
  version: '1.1',
  merge: true,
  uniqueKeys: true,
  logLevel: 'silent',
  prettyErrors: false,
  customTags: (tags: Tags) => tags.filter((tag) => !unwanted.has(typeof tag === 'string' ? tag : tag.tag)),
} as const;
const unwanted: ReadonlySet<string> = new Set(
  ['timestamp', 'binary', 'omap', 'pairs', 'set'].flatMap((name) => [name, `tag:yaml.org,2002:${name}`]),
);

/** How often anchors may be used in all. */
export const aliasesMax = 100;

function keyAt(text: string, offset: number): string {
  return /^["']?([^"':\s]+)/.exec(text.slice(offset, offset + 200))?.[1] ?? '';
}

/** Wider indentation is refused: it is how block style nests. */
const indentMax = 512;

/**
 * The parser calls itself for each level, so what is too deep must not reach it. Block style needs a column for each level.
 * Errors: BadRequest.
 */
export function checkDepth(text: string, depthMax: number): void {
  let flow = 0;
  let indent = 0;
  let isIndent = true;
  for (const token of new Lexer().lex(text)) {
    switch (CST.tokenType(token)) {
      case 'flow-map-start':
      case 'flow-seq-start':
        flow++;
        isIndent = false;
        break;
      case 'flow-map-end':
      case 'flow-seq-end':
        flow--;
        break;
      case 'newline':
        indent = 0;
        isIndent = true;
        break;
      case 'space':
      case 'seq-item-ind':
      case 'explicit-key-ind':
      case 'anchor':
      case 'tag':
        if (isIndent) indent += token.length;
        break;
      case 'scalar':
      case 'single-quoted-scalar':
      case 'double-quoted-scalar':
      case 'block-scalar-header':
      case 'alias':
      case 'map-value-ind':
        isIndent = false;
        break;
      default:
    }
    if (flow > depthMax || indent > indentMax)
      throw new ApiError('BadRequest', `the body is nested deeper than ${depthMax} levels`);
  }
}
