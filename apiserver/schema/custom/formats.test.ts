import { expect } from 'chai';
import { formatCheck } from './formats.ts';

const table: Readonly<Record<string, readonly [good: readonly string[], bad: readonly string[]]>> = {
  date: [['2020-02-29'], ['2021-02-29', '2020-13-01', '2020-1-1', '']],
  'date-time': [
    ['2020-01-01T00:00:00Z', '2020-01-01t10:20:30.123+01:00'],
    ['2020-01-01', '2020-01-01T24:00:00Z', '2020-01-01T00:00:00'],
  ],
  duration: [
    ['1h30m', '300ms', '-1.5s', '0', '2 days'],
    ['', 'x', '1', '1.5', 'h'],
  ],
  uuid: [
    ['123e4567-e89b-12d3-a456-426614174000', '123E4567E89B12D3A456426614174000'],
    ['123', 'x23e4567-e89b-12d3-a456-426614174000'],
  ],
  uuid4: [['123e4567-e89b-42d3-a456-426614174000'], ['123e4567-e89b-12d3-a456-426614174000']],
  email: [
    ['a@b', 'Barry <a.b+c@d.e>', '"a b"@c.d'],
    ['a', '@b', 'a@', 'a b@c', 'a..b@c'],
  ],
  hostname: [
    ['a', 'a.b-c.d', '9.x'],
    ['', '-a', 'a-', 'a_b', 'a..b', `${'a'.repeat(64)}.b`],
  ],
  ipv4: [
    ['1.2.3.4', '255.255.255.255'],
    ['1.2.3', '1.2.3.256', '1.2.3.4.5', '::1'],
  ],
  ipv6: [
    ['::', '::1', 'fe80::1:2', '1:2:3:4:5:6:7:8', '::ffff:1.2.3.4'],
    ['1.2.3.4', ':::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:8::', '::g', '12345::'],
  ],
  cidr: [
    ['10.0.0.0/8', 'fd00::/128'],
    ['10.0.0.0', '10.0.0.0/33', 'fd00::/129', '10.0.0.0/08', '/8'],
  ],
  mac: [
    ['01:23:45:67:89:ab', '01-23-45-67-89-AB', '0123.4567.89ab'],
    ['01:23:45:67:89', '01:23-45:67:89:ab', '0123'],
  ],
  uri: [
    ['https://a.b/c?d', '/a/b', 'x:y'],
    ['', 'a b', 'a/b', 'https://a/%zz', '?x'],
  ],
  byte: [
    ['YQ==', 'YWJj'],
    ['', 'YQ=', 'YQ', '****', 'YQ==YQ=='],
  ],
  isbn: [
    ['0321751043', '978-0321751041'],
    ['0321751044', '978-0321751042', '12'],
  ],
  creditcard: [['4111-1111-1111-1111'], ['4111-1111-1111-1112', '12']],
  ssn: [['111-11-1111'], ['111-111-111', '11111111']],
  hexcolor: [
    ['#fFf', '00ff00'],
    ['#ff', 'red'],
  ],
  rgbcolor: [['rgb(0, 255,1)'], ['rgb(0,256,1)', 'rgb(1,2)']],
  'k8s-short-name': [
    ['a-b9', 'a'.repeat(63)],
    ['', 'A', '-a', 'a.b', 'a'.repeat(64)],
  ],
  'k8s-long-name': [
    ['a.b-c', 'a'.repeat(100)],
    ['', 'a..b', 'A.b', '.a'],
  ],
  bsonobjectid: [['507f1f77bcf86cd799439011'], ['507f', 'x07f1f77bcf86cd799439011']],
  password: [['', 'anything'], []],
};

describe('apiserver: formats of custom objects', () => {
  for (const [format, [good, bad]] of Object.entries(table)) {
    it(`knows ${format}`, () => {
      const check = formatCheck(format);
      expect(good.filter((text) => check?.(text) !== true)).to.deep.equal([]);
      expect(bad.filter((text) => check?.(text) !== false)).to.deep.equal([]);
    });
  }

  it('takes no time over long texts', () => {
    const long = [
      '1'.repeat(200_000),
      'a'.repeat(200_000),
      ':'.repeat(200_000),
      '<'.repeat(200_000),
      '1h'.repeat(100_000),
    ];
    const started = performance.now();
    for (const format of Object.keys(table)) for (const text of long) formatCheck(format)?.(text);
    expect(performance.now() - started).to.be.lessThan(2_000);
  });

  it('knows no others', () => {
    for (const name of ['no-such', 'toString', '', '__proto__']) expect(formatCheck(name)).to.equal(undefined);
  });
});
