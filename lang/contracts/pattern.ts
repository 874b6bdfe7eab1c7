/** Longest pattern of a contract; re2js compiles in time linear in it. */
export const contractPatternMax = 1024;

/** Tells whether a pattern is found anywhere in a text, in time linear in both. */
export type PatternTest = (text: string) => boolean;

/** Loads re2js (30 ms) when it is wanted, and gives the compiler of patterns; that throws an Error for a bad pattern. */
export async function patternCompiler(): Promise<(source: string) => PatternTest> {
  const { RE2JS } = await import('re2js');
  return (source) => {
    const pattern = RE2JS.compile(RE2JS.translateRegExp(source));
    return (text) => pattern.test(text);
  };
}
