import { expect } from 'chai';
import type { Schema, ValidationRule } from '../../../apis/index.ts';
import { admitCustom } from '../custom/admit-custom.ts';
import { structuralProblems } from '../custom/definition.ts';

const ruled = (schema: Schema, ...rules: (string | ValidationRule)[]): Schema => ({
  ...schema,
  'x-kubernetes-validations': rules.map((rule) => (typeof rule === 'string' ? { rule } : rule)),
});
const object = (properties: Record<string, Schema>, more: Schema = {}): Schema => ({
  type: 'object',
  properties,
  ...more,
});
const int: Schema = { type: 'integer' };
const text: Schema = { type: 'string', maxLength: 100 };
const list = (items: Schema, more: Schema = {}): Schema => ({ type: 'array', items, maxItems: 20, ...more });

const refused = (schema: Schema): string[] =>
  structuralProblems(object({ spec: schema }), 's').map((one) => `${one.field}: ${one.message}`);

// The cases of Kubernetes' TestCelCompilation and TestCostEstimation, by property.
describe('apiserver: rules when they are defined', () => {
  const at = 's.properties[spec].x-kubernetes-validations[0]';
  for (const [title, schema, field, words] of [
    ['no CEL', ruled(int, 'self >'), `${at}.rule`, 'compilation failed: ERROR: <input>:1:'],
    ['an unknown field', ruled(object({ a: int }), 'self.b == 1'), `${at}.rule`, 'No such key: b'],
    ['an unknown function', ruled(text, 'self.shout()'), `${at}.rule`, "no matching overload for 'string.shout()'"],
    [
      'a function that Kubernetes has and this server has not',
      ruled(text, 'format.dns1123Label().validate(self).hasValue()'),
      `${at}.rule`,
      'Unknown variable: format',
    ],
    ['wrong types', ruled(int, "self == 'a'"), `${at}.rule`, 'no such overload: int == string'],
    ['a rule that is no bool', ruled(int, 'self + 1'), `${at}.rule`, 'cel expression must evaluate to a bool'],
    ['an empty rule', ruled(int, ' '), `${at}.rule`, 'Required value: rule is not specified'],
    ['a bad pattern', ruled(text, "self.matches('(')"), `${at}.rule`, 'pattern "("'],
    ['a pattern with a look-ahead', ruled(text, "self.matches('(?=a)')"), `${at}.rule`, 'pattern "(?=a)"'],
    [
      'a message of two lines',
      ruled(int, { rule: 'true', message: 'a\nb' }),
      `${at}.message`,
      'must not contain line breaks',
    ],
    [
      'a messageExpression that is no text',
      ruled(int, { rule: 'true', messageExpression: '1' }),
      `${at}.messageExpression`,
      'messageExpression must evaluate to a string',
    ],
    [
      'an unknown reason',
      ruled(int, { rule: 'true', reason: 'X' }),
      `${at}.reason`,
      'supported values: "FieldValueDuplicate"',
    ],
    [
      'a path to nowhere',
      ruled(object({ a: int }), { rule: 'true', fieldPath: '.b' }),
      `${at}.fieldPath`,
      'must be a valid path',
    ],
    [
      'optionalOldSelf without oldSelf',
      ruled(int, { rule: 'true', optionalOldSelf: true }),
      `${at}.optionalOldSelf`,
      'may not be set if oldSelf is not used in rule',
    ],
    [
      'oldSelf in a list without keys',
      list(ruled(int, 'self == oldSelf')),
      's.properties[spec].items.x-kubernetes-validations[0].rule',
      'oldSelf cannot be used on the uncorrelatable portion of the schema within s.properties[spec]',
    ],
    [
      'a loop in a loop over lists without limit',
      ruled({ type: 'array', items: { type: 'string' } }, 'self.all(x, self.all(y, x == y))'),
      `${at}.rule`,
      'estimated rule cost exceeds budget by factor of more than 100x',
    ],
    [
      'a rule for each of too many items',
      { type: 'array', items: ruled({ type: 'string' }, "self.matches('^(a|b)+$')") },
      's.properties[spec].items.x-kubernetes-validations[0].rule',
      'estimated rule cost exceeds budget',
    ],
  ] as const) {
    it(`refuses ${title}`, () => {
      const [found = ''] = refused(schema);
      expect(found.slice(0, field.length)).to.equal(field);
      expect(found).to.contain(words);
    });
  }

  it('takes loops in loops over small lists', () => {
    expect(refused(ruled(list(text), 'self.all(x, self.exists_one(y, x == y))'))).to.deep.equal([]);
  });
});

describe('apiserver: what rules may cost', () => {
  const admitted = (rule: string, value: unknown, schema: Schema) =>
    admitCustom(object({ spec: ruled(schema, rule) }), { spec: value }, undefined, undefined).causes.map(
      (one) => one.message,
    );

  it('ends a rule that costs too much, whatever it says', () => {
    const many = Array.from({ length: 3000 }, (_, index) => index);
    for (const rule of [
      'self.all(x, self.all(y, x + y >= 0))',
      'self.all(x, self.all(y, x + y >= 0)) || true',
      'self.exists(x, self.all(y, x + y < 0))',
    ]) {
      const [message = ''] = admitted(rule, many, { type: 'array', items: int });
      expect(message).to.contain('operation cancelled: actual cost limit exceeded');
    }
  });

  it('refuses an object whose rules together cost too much, rather than leave some out', () => {
    const items = Array.from({ length: 3000 }, (_, index) => index);
    const rule = 'self.all(x, x >= 0)';
    const schema: Schema = {
      type: 'array',
      items: { type: 'array', items: int, 'x-kubernetes-validations': [{ rule }] },
    };
    const value = Array.from({ length: 300 }, () => items);
    const admitted = admitCustom(object({ spec: schema }), { spec: value }, undefined, undefined);
    expect(admitted.causes.map((one) => one.message)).to.deep.equal([
      'Invalid value: "array": validation failed due to running out of cost budget, no further validation rules will be run',
    ]);
  });

  it('lets no pattern stall', () => {
    const [message] = admitted("self.matches('^(a+)+$')", `${'a'.repeat(50_000)}!`, { type: 'string' });
    expect(message).to.contain('failed rule');
  });
});
