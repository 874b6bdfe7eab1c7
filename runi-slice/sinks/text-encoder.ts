import type { Chunk } from '../flow/chunk.ts';
import type { Encoder } from './file-output.ts';

/** A line a record: a string as it is, an object with only a `text` field as that text, anything else as JSON. */
export class TextEncoder implements Encoder {
  encode(chunk: Chunk): Buffer {
    const lines = chunk.bytes.toString('utf8').split('\n');
    return Buffer.from(lines.map((line) => (line === '' ? '' : textOf(line))).join('\n'));
  }

  end(): Buffer {
    return Buffer.alloc(0);
  }
}

function textOf(json: string): string {
  const value: unknown = JSON.parse(json);
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && 'text' in value && typeof value.text === 'string')
    if (Object.keys(value).length === 1) return value.text;
  return json;
}
