// Bytes from data must not steer the terminal (AUTHORING §8): control characters are shown, as kubectl's ^[ does.

// C0 but tab and newline, DEL, C1, and what turns the direction of text.
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text with control characters made visible: ESC as `^[`, others as `^X` or `\u202e`; newlines and tabs stay. */
export function escapeControls(text: string): string {
  return text.replace(controls, show);
}

/** As escapeControls, for one cell or line: newlines and tabs too. */
export function escapeLine(text: string): string {
  return escapeControls(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}

function show(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return `^${String.fromCharCode(code + 0x40)}`;
  if (code === 0x7f) return '^?';
  return `\\u${code.toString(16).padStart(4, '0')}`;
}
