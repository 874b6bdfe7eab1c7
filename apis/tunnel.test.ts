import { expect } from 'chai';
import { encodeTunnelFrame, encodeTunnelWindow, TunnelReader, tunnelKind, tunnelPayloadBytesMax } from './tunnel.ts';

describe('apis: tunnel', () => {
  it('reads what it wrote, whatever the chunks', () => {
    const bytes = Buffer.concat([
      encodeTunnelFrame(1, tunnelKind.open, Buffer.from('{"do":"progress"}')),
      encodeTunnelWindow(1, 70_000),
      encodeTunnelFrame(0xffffffff, tunnelKind.end),
    ]);
    for (const size of [1, 2, 7, 100]) {
      const reader = new TunnelReader();
      const frames = [];
      for (let at = 0; at < bytes.length; at += size) frames.push(...reader.push(bytes.subarray(at, at + size)));
      expect(frames.map((frame) => [frame.stream, frame.kind, frame.payload.toString('hex')])).to.deep.equal([
        [1, 1, '7b22646f223a2270726f6772657373227d'],
        [1, 6, '70110100'],
        [4294967295, 3, ''],
      ]);
    }
  });

  it('refuses an unknown kind, a long payload and a short window', () => {
    expect(() => new TunnelReader().push(Buffer.from([0, 0, 0, 0, 1, 0, 0, 0, 9]))).to.throw('unknown kind 9');
    expect(() => new TunnelReader().push(Buffer.from([1, 0, 1, 0, 1, 0, 0, 0, 2]))).to.throw('frame of 65537 bytes');
    expect(() => new TunnelReader().push(Buffer.from([2, 0, 0, 0, 1, 0, 0, 0, 6]))).to.throw('window frame');
    expect(() => encodeTunnelFrame(1, tunnelKind.data, Buffer.alloc(tunnelPayloadBytesMax + 1))).to.throw('payload');
  });
});
