// JSON values as YAML, as Kubernetes writes them: block style, fields in order.
import { stringify } from 'yaml';

/** What writes YAML is slow: a longer value is written as JSON, which is YAML too. */
const blockBytesMax = 64 * 1024;

const options = {
  // Words that only YAML 1.1 takes for something else are quoted too.
  version: '1.1',
  sortMapEntries: true,
  indentSeq: false,
  lineWidth: 0,
  aliasDuplicateObjects: false,
} as const;

/** A JSON value as a YAML document. */
export function yamlOf(value: unknown): string {
  const json = JSON.stringify(value) ?? 'null';
  return json.length > blockBytesMax ? `${json}\n` : stringify(JSON.parse(json), options);
}

/** The lines of one item of a list. */
export function yamlItem(value: unknown): string {
  const json = JSON.stringify(value) ?? 'null';
  return json.length > blockBytesMax ? `- ${json}\n` : stringify([JSON.parse(json)], options);
}
