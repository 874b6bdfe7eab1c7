import { expect } from 'chai';
import { parse } from 'yaml';
import { yamlItem, yamlOf } from './yaml.ts';

describe('apiserver: YAML', () => {
  it('is written in blocks, fields in order', () => {
    const object = {
      kind: 'Pipeline',
      apiVersion: 'runink.io/v1',
      metadata: { name: 'p', creationTimestamp: '2026-01-01T00:00:00Z', labels: {} },
      spec: { steps: [{ use: 'filter', name: 'a' }, { name: 'b' }], none: [], on: true, count: 3, nothing: null },
    };
    expect(yamlOf(object)).to.equal(
      [
        'apiVersion: runink.io/v1',
        'kind: Pipeline',
        'metadata:',
        '  creationTimestamp: "2026-01-01T00:00:00Z"',
        '  labels: {}',
        '  name: p',
        'spec:',
        '  count: 3',
        '  none: []',
        '  nothing: null',
        '  "on": true',
        '  steps:',
        '  - name: a',
        '    use: filter',
        '  - name: b',
        '',
      ].join('\n'),
    );
  });

  it('is JSON where it would take too long', () => {
    const value = { long: 'x'.repeat(70_000), a: [1] };
    for (const text of [yamlOf(value), yamlItem(value)]) expect(text.split('\n')).to.have.length(2);
    expect(parse(yamlOf(value))).to.deep.equal(value);
    expect(parse(yamlItem(1) + yamlItem(value))).to.deep.equal([1, value]);
  });

  for (const value of [
    'true',
    'No',
    'y',
    'null',
    '~',
    '',
    ' a',
    'a ',
    '12',
    '0x1f',
    '1e3',
    '-',
    '- a',
    '.5',
    '.inf',
    'a: b',
    'a #b',
    '#a',
    '{a}',
    '[a]',
    '&a',
    '*a',
    '!a',
    '|',
    '>',
    '%a',
    '@a',
    '`a',
    '"a"',
    "'a'",
    'a\nb',
    '\u0000',
    '\u2028',
    'é',
    '=',
    '<<',
    'a:',
    '2026-01-01',
    '12:30:45',
    '1_000',
    '---',
    '...',
    'a b',
    'k:{"name":"a"}',
    [[1, [2]], []],
    { a: [[{ b: 1 }]] },
    { '': 1 },
    [[{}]],
  ]) {
    it(`${JSON.stringify(value)} comes back as it was`, () => {
      for (const version of ['1.1', '1.2'] as const) {
        expect(parse(yamlOf(value), { version })).to.deep.equal(value);
        expect(parse(yamlOf({ f: value, '~': [value] }), { version })).to.deep.equal({ f: value, '~': [value] });
        expect(parse(yamlItem(value) + yamlItem({ v: value }), { version })).to.deep.equal([value, { v: value }]);
      }
    });
  }
});
