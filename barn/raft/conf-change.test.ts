import { expect } from 'chai';
import fc from 'fast-check';
import { decodeConfChange, encodeConfChange } from './conf-change.ts';
import { bytes } from './paper/group.ts';
import { type ConfChange, RaftError } from './protocol.ts';

const changes = [
  { type: 'ConfChangeAddNode', id: 1 },
  { type: 'ConfChangeAddLearnerNode', id: Number.MAX_SAFE_INTEGER },
  { type: 'ConfChangeRemoveNode', id: 0 },
  { type: 'ConfChangeUpdateNode', id: 7 },
] as const;

describe('changes of the configuration as bytes', () => {
  for (const change of [
    { transition: 'auto', changes: [] },
    { transition: 'joint-explicit', changes: [] },
    { transition: 'joint-implicit', changes },
    { transition: 'auto', changes: changes.slice(0, 1), context: bytes('who and where') },
    { transition: 'auto', changes: [], context: bytes('why') },
  ] satisfies readonly ConfChange[])
    it(`come back: ${change.transition} of ${change.changes.length}`, () => {
      expect(decodeConfChange(encodeConfChange(change))).to.deep.equal(change);
    });

  it('are empty for the change that leaves a joint configuration', () => {
    expect(encodeConfChange({ transition: 'auto', changes: [] })).to.have.length(0);
  });

  it('that are anything else end in Malformed, never in another error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (data) => {
        try {
          decodeConfChange(data);
        } catch (error) {
          expect(error).to.be.instanceOf(RaftError).with.property('reason', 'Malformed');
        }
      }),
    );
  });
});
