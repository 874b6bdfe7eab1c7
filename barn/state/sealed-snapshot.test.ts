import { expect } from 'chai';
import { BarnError } from '../barn.ts';
import { expectReason, streamOf } from '../conformance/support.ts';
import { KeyRing, plain, type StoreKey, type StoreKeys } from '../keys.ts';
import { createMemoryBarn } from '../memory.ts';
import { createSealer } from '../seal.ts';
import { sealSnapshot } from './sealed-snapshot.ts';
import { verifySnapshot } from './verify-snapshot.ts';

const one: StoreKey = { id: 'one', key: Buffer.alloc(32, 1) };
const ring = (...keys: StoreKeys): KeyRing => new KeyRing(keys);

describe('a sealed snapshot', () => {
  let open: Buffer;
  let sealed: Buffer;

  const collect = async (chunks: AsyncIterable<Uint8Array>): Promise<Buffer> => {
    const all: Uint8Array[] = [];
    for await (const chunk of chunks) all.push(chunk);
    return Buffer.concat(all);
  };
  const verify = (bytes: Uint8Array, keys?: KeyRing, size = bytes.length) =>
    verifySnapshot(
      streamOf(
        Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size)),
      ),
      keys,
    );

  before(async () => {
    const barn = createMemoryBarn();
    for (const key of ['canary-key', 'b']) await barn.txn([], [{ do: 'put', key, value: Buffer.from('canary-value') }]);
    open = await collect(barn.snapshot());
    sealed = await collect(sealSnapshot(streamOf([open.subarray(0, 60), open.subarray(60)]), createSealer(ring(one))));
    await barn.close();
  });

  it('shows nothing of what is in it, and opens with its key, in chunks of any size', async () => {
    expect([open.includes('canary'), sealed.includes('canary')]).to.deep.equal([true, false]);
    const summary = await verify(open);
    expect(summary.keys).to.equal(2);
    for (const size of [1, 7, sealed.length]) expect(await verify(sealed, ring(one), size)).to.deep.equal(summary);
    expect(await verify(sealed, ring({ id: 'new', key: Buffer.alloc(32, 2) }, one))).to.deep.equal(summary);
    expect(await verify(open, ring(one))).to.deep.equal(summary);
  });

  it('is broken off, not saved in the open, when encryption is ended meanwhile', async () => {
    const keys = ring(one);
    async function* chunks(): AsyncGenerator<Uint8Array> {
      yield open.subarray(0, 60);
      keys.change([plain, one]);
      yield open.subarray(60);
    }
    await expectReason(collect(sealSnapshot(chunks(), createSealer(keys))), 'Storage');
  });

  it('stays open without keys', async () => {
    expect(await collect(sealSnapshot(streamOf([open]), createSealer(undefined)))).to.deep.equal(open);
  });

  it('is refused without its key, by its name, and with another of that name', async () => {
    for (const keys of [undefined, ring({ id: 'two', key: one.key })]) {
      const error = await verify(sealed, keys).catch((cause: unknown) => cause);
      expect(error).to.include({ reason: 'Storage' });
      expect(String(error)).to.contain('encrypted with the key "one"');
    }
    await expectReason(verify(sealed, ring({ id: 'one', key: Buffer.alloc(32, 3) })), 'Corrupt');
  });

  it('is refused when any byte is damaged or missing, or a piece is elsewhere', async () => {
    for (let at = 0; at < sealed.length; at++) {
      const damaged = Buffer.from(sealed);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at);
      // The name of the key may be what is damaged: then there is no such key.
      for (const bytes of [damaged, sealed.subarray(0, at)])
        expect(await verify(bytes, ring(one)).catch((error: unknown) => error), String(at)).to.be.instanceOf(BarnError);
    }
    const line = sealed.indexOf('\n') + 1;
    const second = line + 4 + sealed.readUInt32BE(line);
    const swapped = [sealed.subarray(0, line), sealed.subarray(second), sealed.subarray(line, second)];
    await expectReason(verify(Buffer.concat(swapped), ring(one)), 'Corrupt');
    await expectReason(verify(Buffer.concat([sealed, sealed.subarray(line, second)]), ring(one)), 'Corrupt');
    await expectReason(verify(Buffer.concat([sealed, open]), ring(one)), 'Corrupt');
  });

  it('says which format it has when it is another', async () => {
    for (const [bytes, at] of [
      [open, 'RUNINK-BARN-SNAPSHOT-'],
      [sealed, 'RUNINK-BARN-SEALED-SNAPSHOT-'],
    ] as const) {
      const other = Buffer.from(bytes);
      other.write('7', at.length);
      const error = await verify(other, ring(one)).catch((cause: unknown) => cause);
      expect(error).to.include({ reason: 'Corrupt' });
      expect(String(error)).to.contain('format 7');
    }
  });
});
