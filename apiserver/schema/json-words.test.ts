import { expect } from 'chai';
import { jsonProblem } from './json-words.ts';

describe('apiserver: what is wrong with JSON', () => {
  for (const [text, words] of [
    ['', 'unexpected end of JSON input'],
    ['{', 'unexpected end of JSON input'],
    ['{"apiVersion":', 'unexpected end of JSON input'],
    ['{"a":"b', 'unexpected end of JSON input'],
    ['kind: Pipeline', "invalid character 'k' looking for beginning of value"],
    ['[1,]', "invalid character ']' looking for beginning of value"],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 x}', "invalid character 'x' after object key:value pair"],
    ['[1 2]', "invalid character '2' after array element"],
    ['{"a":1}}', "invalid character '}' after top-level value"],
    ['"a\nb"', "invalid character '\\n' in string literal"],
  ] as const) {
    it(`${JSON.stringify(text)}: ${words}`, () => {
      try {
        JSON.parse(text);
        expect.fail('it is JSON');
      } catch (cause) {
        expect(jsonProblem(cause, text)).to.equal(words);
      }
    });
  }
});
