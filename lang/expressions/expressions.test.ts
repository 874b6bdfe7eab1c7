import { expect } from 'chai';
import { checkExpression, checkWith, compileExpression, parseAggregateValue, parseJoinOn } from './index.ts';

const record = { delay: 66, name: 'x', list: [1, 2, 3], nested: { none: null }, index: 2 };

function valueOf(text: string, over: Readonly<Record<string, unknown>> = record): unknown {
  return compileExpression(text, ['record', 'params']).evaluate({ record: over, params: { limit: 15 } });
}

describe('compileExpression', () => {
  for (const [text, value] of [
    ['record.delay > 15', true],
    ['record.delay > params.limit', true],
    ['record.delay + 1', 67],
    ['1 + record.delay', 67],
    ['record.delay % 10', 6],
    ['record.delay / 4', 16.5],
    ['record.delay == 66', true],
    ['record.delay in [1, 66]', true],
    ['has(record.missing)', false],
    ['record.nested.none == null', true],
    ['record.list.map(x, x * 2)', [2, 4, 6]],
    ['record.list.exists(x, x == 3)', true],
    ['record.list[record.index]', 3],
    ['size(record.list)', 3],
    ['{"a": record.delay, "b": 1}', { a: 66, b: 1 }],
    ['record.delay > 60 ? "late" : "ok"', 'late'],
    ['record.name.matches("^x+$")', true],
    ['record.list.exists(x, record.name.matches("y"))', false],
    ['timestamp("2001-01-01T00:00:00Z")', '2001-01-01T00:00:00.000Z'],
  ] as const)
    it(`gives ${JSON.stringify(value)} for ${text}`, () => {
      expect(valueOf(text)).to.deep.equal(value);
    });

  for (const [text, message] of [
    ['record.missing > 1', 'No such key: missing (at character 8)'],
    ['record.nested.none > 5', 'no such overload: dyn<null> > int (at character 1)'],
    ['record.__proto__', 'No such key: __proto__ (at character 8)'],
    ['int(record.delay) * 1000000000000000', 'gives the int 66000000000000000, outside of plus or minus 2^53'],
    ['record.delay / 0.0', 'gives Infinity, which JSON cannot hold'],
  ] as const)
    it(`has no value for ${text}`, () => {
      expect(() => valueOf(text)).to.throw(message);
    });

  it('matches in linear time', () => {
    const startMs = performance.now();
    expect(valueOf('record.name.matches("^(a+)+$")', { name: `${'a'.repeat(200)}!` })).to.equal(false);
    expect(valueOf('[1].exists(y, record.name.matches("^(a|aa)+$"))', { name: `${'a'.repeat(200)}!` })).to.equal(false);
    // A backtracking engine needs longer than the universe lasts.
    expect(performance.now() - startMs).to.be.below(8000);
  });

  it('stops a loop at its budget', () => {
    const list = Array.from({ length: 1000 }, (_, index) => index);
    expect(() => valueOf('record.list.all(x, record.list.all(y, x + y >= 0))', { list })).to.throw('visits more than');
    expect(valueOf('record.list.all(x, x >= 0)', { list })).to.equal(true);
  });
});

describe('checkExpression', () => {
  for (const [text, message] of [
    ['record.delay >', '"record.delay >": Unexpected token: EOF (at character 15)'],
    ['recrod.delay > 1', '"recrod.delay > 1": Unknown variable: recrod (at character 1)'],
    ['"a" + "b"', '""a" + "b"" gives a string, a bool is needed'],
    ['record.x.matches("(")', '"record.x.matches("(")": pattern "(": error parsing regexp: missing closing ): `(`'],
    [
      '[1].all(a, [1].all(b, [1].all(c, true)))',
      '"[1].all(a, [1].all(b, [1].all(c, true)))": nests all, exists, map or filter deeper than 2',
    ],
  ] as const)
    it(`refuses ${text}`, () => {
      expect(checkExpression(text, { path: 'where', result: 'bool' })).to.deep.equal([{ path: 'where', message }]);
    });
});

describe('checkWith', () => {
  for (const [title, use, value, problems] of [
    ['accepts a filter', 'filter', { where: 'record.delay > 15' }, []],
    ['accepts validate without anything', 'validate', undefined, []],
    ['accepts any parameters of a module', 'module', { anything: [1] }, []],
    ['names a missing field', 'filter', {}, [{ path: 'where', message: 'is required' }]],
    [
      'names an unknown field',
      'filter',
      { where: 'true', were: '' },
      [{ path: 'were', message: 'is unknown here; known are where' }],
    ],
    ['names a wrong type', 'dedupe', { by: [1] }, [{ path: 'by[0]', message: 'expected string, got number' }]],
    [
      'looks into the expressions of derive',
      'derive',
      { fields: { late: 'record.' } },
      [{ path: 'fields.late', message: '"record.": Expected IDENTIFIER, got EOF (at character 8)' }],
    ],
    ['accepts both forms of project', 'project', { fields: ['a', 'b'] }, []],
    [
      'looks into aggregate values',
      'aggregate',
      { values: { n: 'median(record.x)' } },
      [
        {
          path: 'values.n',
          message: '"median(record.x)" is none of count(), count(EXPR), sum(EXPR), avg(EXPR), min(EXPR), max(EXPR)',
        },
      ],
    ],
    [
      'knows the inputs of a join',
      'join',
      { on: 'a.x == c.y' },
      [{ path: 'on', message: '"c.y" names no input of this join: it has a and b' }],
    ],
    [
      'knows its steps',
      'nope',
      {},
      [
        {
          path: '',
          message:
            'there is no step "nope"; there are filter, project, derive, validate, join, aggregate, dedupe, exec, module',
        },
      ],
    ],
  ] as const)
    it(title, () => {
      expect(checkWith(use, value, use === 'join' ? ['a', 'b'] : ['a'])).to.deep.equal(problems);
    });
});

describe('parseJoinOn', () => {
  it('reads several equalities in either order', () => {
    expect(parseJoinOn('a.x == b.y && b.p.q == a.z', 'a', 'b')).to.deep.equal({
      probe: [['x'], ['z']],
      build: [['y'], ['p', 'q']],
    });
  });
});

describe('parseAggregateValue', () => {
  it('keeps the expression inside', () => {
    expect(parseAggregateValue('avg(record.a + size(record.b))')).to.deep.equal({
      kind: 'avg',
      expression: 'record.a + size(record.b)',
    });
  });
});
