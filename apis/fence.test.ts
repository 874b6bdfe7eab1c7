import { expect } from 'chai';
import { fenceText, readFence } from './fence.ts';

describe('fences', () => {
  for (const epoch of ['host_1_2/0', 'a/b/17', 'größe %2F ☃/3'])
    it(`say ${epoch} in a header`, () => {
      const fence = { lease: { namespace: 'h', name: 'n.x' }, epoch };
      const text = fenceText(fence);
      expect(text).to.match(/^[\x21-\x7e]+$/);
      expect(readFence(text)).to.deep.equal(fence);
    });

  for (const text of ['', 'h', 'h/n', 'h/n/holder', 'h/n/holder/x', 'h/n/%/1', '/n/holder/1'])
    it(`are not read from "${text}"`, () => {
      expect(readFence(text)).to.equal(undefined);
    });
});
