/** A refused expression (at compile time), or one that has no value for a record (at run time). One line, for users. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
}
