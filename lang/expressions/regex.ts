import { RE2JS } from 're2js';

/** Longest pattern; re2js compiles in time linear in it. */
export const patternLengthMax = 1024;

/** A pattern that is found anywhere in a text in time linear in both (no backtracking). */
export interface Pattern {
  test(text: string): boolean;
  /** What it finds from left to right, at most so many. */
  findAll(text: string, max: number): string[];
  /** Instructions it was compiled to: a test takes time in proportion to this and the length of the text. */
  readonly size: number;
}

/** Compiles ECMAScript-like syntax without look-around and back-references; throws an Error that says what is wrong. */
export function compilePattern(source: string, lengthMax = patternLengthMax): Pattern {
  if (source.length > lengthMax)
    throw new Error(`pattern has ${source.length} characters, at most ${lengthMax} are allowed`);
  const pattern = RE2JS.compile(RE2JS.translateRegExp(source));
  return {
    test: (text) => pattern.test(text),
    size: pattern.programSize(),
    findAll: (text, max) => {
      const found: string[] = [];
      const matcher = pattern.matcher(text);
      while (found.length < max && matcher.find()) found.push(matcher.group() ?? '');
      return found;
    },
  };
}
