// Data-driven scripts: a command, perhaps input, a line of four dashes, and what must come out.

/** One argument: `key`, `key=value` or `key=(value, value)`. */
export interface Argument {
  readonly key: string;
  readonly values: readonly string[];
}

/** One block of a script. */
export interface Block {
  /** Where its command stands, from 1. */
  readonly line: number;
  readonly command: string;
  readonly args: readonly Argument[];
  readonly input: string;
  readonly expected: readonly string[];
}

const separator = '----';

/** All blocks of a script, in order. What is expected ends at the first empty line. */
export function parseScript(text: string): readonly Block[] {
  const lines = text.split('\n');
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const head = lines[at]?.trim() ?? '';
    if (head === '' || head.startsWith('#')) continue;
    const dashes = lines.indexOf(separator, at);
    if (dashes < 0) throw new Error(`line ${at + 1}: no ${separator} follows`);
    let end = dashes + 1;
    while (end < lines.length && lines[end] !== '') end++;
    const [command = '', ...rest] = head.match(/[^\s=]+=\([^)]*\)|\S+/g) ?? [];
    blocks.push({
      line: at + 1,
      command,
      args: rest.map(parseArgument),
      input: lines.slice(at + 1, dashes).join('\n'),
      expected: lines.slice(dashes + 1, end),
    });
    at = end;
  }
  return blocks;
}

function parseArgument(text: string): Argument {
  const [, key = text, value] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  if (value === undefined) return { key, values: [] };
  const inner = /^\((.*)\)$/.exec(value)?.[1] ?? value;
  return { key, values: inner.split(/[\s,]+/).filter((one) => one !== '') };
}

/** The first value of an argument. */
export function valueOf(block: Block, key: string): string | undefined {
  return block.args.find((argument) => argument.key === key)?.values[0];
}

/** The arguments without values, which are numbers. */
export function numbersOf(block: Block): readonly number[] {
  return block.args.filter(({ values }) => values.length === 0).map(({ key }) => Number(key));
}

/**
 * Where the output differs from what is expected, or undefined. Lines of prose are left out of what is expected; a command of
 * which only prose was expected says `ok` without it.
 */
export function differenceOf(block: Block, output: string): string | undefined {
  const expected = block.expected.filter((line) => !/^\s*(?:DEBUG|INFO|WARN|ERROR|FATAL)\s/.test(line));
  const given = output.split('\n').map((line) => line.trimEnd());
  while (given.at(-1) === '') given.pop();
  if (expected.length === 0) expected.push('ok');
  const at = Array.from({ length: Math.max(expected.length, given.length) }).findIndex(
    (_, i) => expected[i]?.trimEnd() !== given[i],
  );
  if (at < 0) return undefined;
  return `line ${block.line} (${block.command}): expected ${JSON.stringify(expected[at])}, got ${JSON.stringify(given[at])}`;
}
