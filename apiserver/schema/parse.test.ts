import { expect } from 'chai';
import { ApiError } from '../../apis/index.ts';
import { parseBody } from './parse.ts';

const parse = (text: string) => parseBody(text, 'Pipeline', 10);

describe('apiserver: body', () => {
  for (const [text, duplicates] of [
    ['{"a":1,"b":{"a":1}}', []],
    ['{"a":1,"a":2}', ['a']],
    ['{"spec":{"steps":[{"x":1},{"name":1,"name":2}]}}', ['spec.steps[1].name']],
    ['{"a":"{\\"a\\":1,\\"a\\":2}"}', []],
    ['{"\\u0061":1,"a":2}', ['a']],
    ['{"a":["a","a",{"b":[],"b":{}}]}', ['a[2].b']],
  ] as const) {
    it(`finds the duplicates of ${text}`, () => expect(parse(text).duplicates).to.deep.equal(duplicates));
  }

  for (const [title, text, message] of [
    [
      'nothing',
      '',
      "the object provided is unrecognized (must be of type Pipeline): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
    ],
    ['a torn object', '{"apiVersion":', /json parse error: .* \(\{"apiVersion":\)$/],
    ['YAML', 'kind: Pipeline', /json parse error/],
    ['depth', `${'['.repeat(11)}${']'.repeat(11)}`, 'the body is nested deeper than 10 levels'],
    ['__proto__', '{"spec":{"__proto__":{}}}', 'the field name "__proto__" is not allowed, at "spec.__proto__"'],
    [
      'an escaped constructor',
      '{"\\u0063onstructor":1}',
      'the field name "constructor" is not allowed, at "constructor"',
    ],
    ['prototype', '{"a":[{"prototype":1}]}', 'the field name "prototype" is not allowed, at "a[0].prototype"'],
  ] as const) {
    it(`refuses ${title}`, () => {
      const error = failureOf(() => parse(text));
      expect(error).to.be.instanceOf(ApiError);
      expect(error).to.have.property('reason', 'BadRequest');
      if (typeof message === 'string') expect(error).to.have.property('message', message);
      else expect(error).to.have.property('message').that.matches(message);
    });
  }
});

function failureOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}
