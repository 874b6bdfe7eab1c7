import { expect } from 'chai';
import { QuantityError, quantityMillis, quantityUnits } from './quantities.ts';

describe('quantities', () => {
  for (const [text, millis] of [
    ['500m', 500],
    ['2', 2000],
    [1, 1000],
    ['0.1', 100],
    ['100u', 1],
    ['1.5', 1500],
  ] as const) {
    it(`reads ${text} cores as ${millis} thousandths`, () => expect(quantityMillis(text)).to.equal(millis));
  }
  for (const [text, units] of [
    ['128Mi', 134_217_728],
    ['1k', 1000],
    ['1Ki', 1024],
    ['1e3', 1000],
    ['500m', 1],
    [0, 0],
  ] as const) {
    it(`reads ${text} as ${units} units`, () => expect(quantityUnits(text)).to.equal(units));
  }
  for (const text of ['', 'x', '1 Mi', '-1', '1MiB', '1e', '9999P', 'NaN', '0x10']) {
    it(`refuses "${text}"`, () => expect(() => quantityUnits(text)).to.throw(QuantityError));
  }
});
