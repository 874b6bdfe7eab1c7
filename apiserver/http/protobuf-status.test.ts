import { BinaryReader } from '@bufbuild/protobuf/wire';
import { expect } from 'chai';
import { ApiError } from '../../apis/index.ts';
import { encodeStatus, takesOnlyProtobuf } from './protobuf-status.ts';

const protobuf = 'application/vnd.kubernetes.protobuf';

/** The fields of a message by number; bytes as they are. */
function fieldsOf(bytes: Uint8Array): Map<number, (Uint8Array | number)[]> {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, (Uint8Array | number)[]>();
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    fields.set(number, [...(fields.get(number) ?? []), wireType === 0 ? reader.int32() : reader.bytes()]);
  }
  return fields;
}
const inside = (fields: Map<number, (Uint8Array | number)[]>, field: number, index = 0) => {
  const found = fields.get(field)?.[index];
  return fieldsOf(found instanceof Uint8Array ? found : new Uint8Array());
};
const textIn = (fields: Map<number, (Uint8Array | number)[]>, field: number): string => {
  const found = fields.get(field)?.[0];
  return found instanceof Uint8Array ? Buffer.from(found).toString() : '';
};

describe('apiserver: a Status in protobuf', () => {
  it('says all that the JSON says', () => {
    const causes = [{ reason: 'FieldValueInvalid', message: 'm', field: 'spec.a' }];
    const bytes = encodeStatus(new ApiError('Invalid', 'why', { name: 'x', group: 'g', kind: 'K', causes }).toStatus());
    expect(Buffer.from(bytes.subarray(0, 4)).toString()).to.equal('k8s\0');
    const envelope = fieldsOf(bytes.subarray(4));
    expect([textIn(inside(envelope, 1), 1), textIn(inside(envelope, 1), 2)]).to.deep.equal(['v1', 'Status']);
    const status = inside(envelope, 2);
    expect([2, 3, 4].map((field) => textIn(status, field))).to.deep.equal(['Failure', 'why', 'Invalid']);
    expect(status.get(6)).to.deep.equal([422]);
    const details = inside(status, 5);
    expect([1, 2, 3].map((field) => textIn(details, field))).to.deep.equal(['x', 'g', 'K']);
    expect([1, 2, 3].map((field) => textIn(inside(details, 4), field))).to.deep.equal([
      'FieldValueInvalid',
      'm',
      'spec.a',
    ]);
  });

  for (const [accept, only] of [
    [undefined, false],
    ['', false],
    [protobuf, true],
    [`${protobuf};q=0.9`, true],
    [`${protobuf},application/json`, false],
    ['*/*', false],
  ] as const)
    it(`${accept ?? 'no header'} ${only ? 'leaves' : 'does not leave'} only that`, () =>
      expect(takesOnlyProtobuf(accept)).to.equal(only));
});
