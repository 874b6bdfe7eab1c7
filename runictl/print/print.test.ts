import { expect } from 'chai';
import { columnLines } from './columns.ts';
import { parseDurationMs, shortDuration } from './duration.ts';
import { escapeControls, escapeLine } from './escape.ts';
import { toJson, toYaml } from './object.ts';

describe('shortDuration', () => {
  // Expected texts are those of k8s.io/apimachinery/pkg/util/duration.HumanDuration.
  for (const [ms, text] of [
    [0, '0s'],
    [119_000, '119s'],
    [120_000, '2m'],
    [150_000, '2m30s'],
    [600_000, '10m'],
    [10_799_000, '179m'],
    [10_800_000, '3h'],
    [11_100_000, '3h5m'],
    [172_799_000, '47h'],
    [172_800_000, '2d'],
    [180_000_000, '2d2h'],
    [691_200_000, '8d'],
  ] as const)
    it(text, () => {
      expect(shortDuration(ms)).to.equal(text);
    });
});

describe('parseDurationMs', () => {
  for (const [text, ms] of [
    ['30s', 30_000],
    ['1h30m', 5_400_000],
    ['500ms', 500],
    ['1.5s', 1500],
    ['0', 0],
    ['10', 10_000],
    ['5', 5000],
    ['soon', undefined],
    ['5x', undefined],
    ['', undefined],
  ] as const)
    it(`"${text}"`, () => {
      expect(parseDurationMs(text)).to.equal(ms);
    });
});

describe('what comes from data', () => {
  it('cannot steer the terminal', () => {
    expect(escapeControls('a\u001b[31mred\u0007\u009b2J\u202e')).to.equal('a^[[31mred^G\\u009b2J\\u202e');
    expect(escapeControls('line\n\ttab')).to.equal('line\n\ttab');
  });
  it('stays in its line in a table', () => {
    expect(escapeLine('a\nb')).to.equal('a\\nb');
    expect(
      columnLines([
        ['NAME', 'MESSAGE'],
        ['x\u001b', 'y\nz'],
      ]),
    ).to.deep.equal(['NAME   MESSAGE', 'x^[    y\\nz']);
  });
  it('cannot steer it through JSON or YAML either', async () => {
    expect(toJson({ a: '\u001b[2J\u009b' })).to.equal('{\n    "a": "\\u001b[2J\\u009b"\n}\n');
    expect(await toYaml({ a: '\u001b[2J' })).to.equal('a: "\\e[2J"\n');
  });
});

describe('toYaml', () => {
  it('sorts keys and quotes what YAML 1.1 would take for something else', async () => {
    expect(await toYaml({ b: ['x'], a: { on: 'yes', c: '1', t: true } })).to.equal(
      'a:\n  c: "1"\n  "on": "yes"\n  t: true\nb:\n- x\n',
    );
  });
});
