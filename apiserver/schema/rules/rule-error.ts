/** A function of the library failed on its arguments; the rule then fails with these words. */
export class RuleError extends Error {
  override readonly name = 'RuleError';
}
