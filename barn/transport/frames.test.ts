import { expect } from 'chai';
import fc from 'fast-check';
import { ByteWriter } from './byte-writer.ts';
import { type Frame, FrameReader } from './frames.ts';

const frames = fc.array(fc.record({ kind: fc.nat(255), body: fc.uint8Array({ maxLength: 50 }) }), { maxLength: 8 });

describe('frames', () => {
  it('are read as they were written, wherever the stream is cut', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(60), { maxLength: 30 }), (written, cuts) => {
        const reader = new FrameReader(100);
        const read: Frame[] = [];
        let rest = bytesOf(written);
        for (const cut of [...cuts, rest.byteLength]) {
          for (const frame of reader.read(rest.subarray(0, cut))) read.push(frame);
          rest = rest.subarray(cut);
        }
        expect(read).to.deep.equal(written);
      }),
    );
  });

  for (const [title, bytes] of [
    ['of no bytes', [0, 0, 0, 0]],
    ['one byte too long', [0, 0, 0, 101]],
    ['of 4 GB', [255, 255, 255, 255]],
  ] as const)
    it(`${title} are refused at their length`, () => {
      expect(() => [...new FrameReader(100).read(Buffer.from(bytes))])
        .to.throw()
        .with.property('reason', 'Malformed');
    });
});

function bytesOf(written: readonly Frame[]): Buffer {
  const writer = new ByteWriter(10);
  for (const { kind, body } of written) {
    const gap = writer.gap();
    writer.byte(kind);
    writer.raw(body);
    writer.fill(gap);
  }
  return Buffer.concat(writer.take());
}
