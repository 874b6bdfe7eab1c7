// Why a text is no JSON, in the words of Go's decoder, which Kubernetes' messages have and tools look for.

/** What Go says where V8 says this. */
const afterWords: readonly (readonly [RegExp, string])[] = [
  [/^Expected (property name|double-quoted property name)/, 'looking for beginning of object key string'],
  [/^Expected ':' after property name/, 'after object key'],
  [/^Expected ',' or '}' after property value/, 'after object key:value pair'],
  [/^Expected ',' or ']' after array element/, 'after array element'],
  [/^Unexpected non-whitespace character after JSON/, 'after top-level value'],
  [/^Bad control character/, 'in string literal'],
  [/^Unexpected (token|number|string)/, 'looking for beginning of value'],
];
const atEnd = 'unexpected end of JSON input';

/** What a JSON.parse of `text` that threw `cause` complains of. */
export function jsonProblem(cause: unknown, text: string): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (text.trim() === '' || /^(Unexpected end|Unterminated string)/.test(message)) return atEnd;
  const position = /at position (\d+)/.exec(message)?.[1];
  const token = /^Unexpected token '(.)'/u.exec(message)?.[1];
  if (position !== undefined && Number(position) >= text.length) return atEnd;
  const character = token ?? (position === undefined ? undefined : text[Number(position)]);
  const where = afterWords.find(([words]) => words.test(message))?.[1];
  if (character === undefined || where === undefined) return message;
  return `invalid character '${character === '\n' ? '\\n' : character}' ${where}`;
}
