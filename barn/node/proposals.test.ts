import { expect } from 'chai';
import { defaultLimits } from '../limits.ts';
import { unpackParts } from './packing.ts';
import { Proposals } from './proposals.ts';

describe('proposals of a member', () => {
  it('are written in the format that the group writes at the time', () => {
    let format = 1;
    const proposals = new Proposals(7, defaultLimits, () => format);
    proposals.post({ kind: 'format', format: 2 });
    proposals.submit((origin) => ({ kind: 'compact', origin, revision: 3 }), 1).catch(() => undefined);
    format = 2;
    proposals.post({ kind: 'check', revision: 3, hash: 1 });
    const taken = proposals.take();
    const parts = taken === undefined ? [] : unpackParts(taken.bytes, taken.count);
    expect(parts.map(([first]) => first)).to.deep.equal([1, 1, 2]);
  });
});
