import { expect } from 'chai';
import { BarnError } from './barn.ts';
import type { KeyRing, StoreKey } from './keys.ts';
import { createSealer, isSealed } from './seal.ts';

const one: StoreKey = { id: 'one', key: Buffer.alloc(32, 1) };
const two: StoreKey = { id: 'two', key: Buffer.alloc(32, 2) };
/** Bits that decide whether it is sealed, and with which key: who has none for that must find one, or nothing is wrong but that. */
const namesKey = [
  [0, 8 * 8],
  [9 * 8, 10 * 8],
  [38 * 8, 41 * 8],
] as const;
const text = Buffer.from('checksum and the canary value');

describe('seal', () => {
  it('gives back what was sealed, and shows nothing of it', () => {
    const sealer = createSealer(ring(one));
    const sealed = sealer.seal(text, 'here');
    expect(Buffer.from(sealed).includes('canary')).to.equal(false);
    // Magic, format, lengths, salt and nonce; the key's name; the tag.
    expect(sealed.byteLength).to.equal(38 + one.id.length + text.length + 16);
    expect(Buffer.from(sealer.unseal(sealed, 'here'))).to.deep.equal(text);
  });

  it('seals nothing to something', () => {
    const sealer = createSealer(ring(one));
    expect(sealer.unseal(sealer.seal(new Uint8Array(), 'here'), 'here')).to.have.length(0);
  });

  it('never seals twice alike, nor do two sealers under one key', () => {
    const sealer = createSealer(ring(one));
    const other = createSealer(ring(one));
    const hexes = [sealer, sealer, other].map((each) => Buffer.from(each.seal(text, 'here')).toString('hex'));
    expect(new Set(hexes).size).to.equal(3);
    expect(Buffer.from(sealer.unseal(other.seal(text, 'here'), 'here'))).to.deep.equal(text);
  });

  it('does not open elsewhere', () => {
    const sealer = createSealer(ring(one));
    refuses(() => sealer.unseal(sealer.seal(text, 'here'), 'there'), 'Corrupt', /^there is damaged: .* key "one"/);
  });

  it('does not open with any bit flipped or any length cut', () => {
    const sealer = createSealer(ring(one));
    const sealed = sealer.seal(text, 'here');
    for (let bit = 0; bit < sealed.byteLength * 8; bit++) {
      const flipped = Buffer.from(sealed);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      refuses(
        () => sealer.unseal(flipped, 'here'),
        namesKey.some(([from, to]) => bit >= from && bit < to) ? undefined : 'Corrupt',
      );
    }
    for (let length = 8; length < sealed.byteLength; length++)
      refuses(() => sealer.unseal(sealed.subarray(0, length), 'here'), 'Corrupt');
  });

  it('opens what the former key sealed, for as long as the ring knows it', () => {
    let keys: readonly StoreKey[] = [one];
    const rotating: KeyRing = {
      current: () => keys.at(-1) ?? one,
      byId: (id) => keys.find((key) => key.id === id),
    };
    const sealer = createSealer(rotating);
    const before = sealer.seal(text, 'here');
    keys = [one, two];
    const after = sealer.seal(text, 'here');
    expect(Buffer.from(after).includes('two')).to.equal(true);
    expect(Buffer.from(sealer.unseal(before, 'here'))).to.deep.equal(text);
    expect(Buffer.from(createSealer(rotating).unseal(before, 'here'))).to.deep.equal(text);
    keys = [two];
    refuses(() => createSealer(rotating).unseal(before, 'here'), 'Storage', /key "one".* add it to the key file/);
  });

  it('is the identity without keys, and refuses what is sealed', () => {
    const open = createSealer(undefined);
    expect(open.seal(text, 'here')).to.equal(text);
    expect(open.unseal(text, 'here')).to.equal(text);
    const sealed = createSealer(ring(one)).seal(text, 'here');
    refuses(
      () => open.unseal(sealed, 'here'),
      'Storage',
      /^here is encrypted with the key "one".*start with the key file/,
    );
    expect(() => open.seal(sealed, 'here')).to.throw('begin like sealed ones');
  });

  it('reads what is not sealed only under a ring that says so', () => {
    refuses(() => createSealer(ring(one)).unseal(text, 'here'), 'Storage', /^here is not encrypted/);
    const moving = createSealer({ ...ring(one), readsPlain: true });
    expect(moving.unseal(text, 'here')).to.equal(text);
    expect(isSealed(moving.seal(text, 'here'))).to.equal(true);
  });

  it('refuses keys that are none', () => {
    refuses(
      () => createSealer(ring({ id: 'short', key: Buffer.alloc(16) })),
      'Storage',
      /"short" has 16 bytes, not 32/,
    );
    refuses(() => createSealer(ring({ id: '', key: Buffer.alloc(32) })), 'Storage', /1 to 64 printable/);
  });
});

function ring(...keys: readonly [StoreKey, ...StoreKey[]]): KeyRing {
  return { current: () => keys[0], byId: (id) => keys.find((key) => key.id === id) };
}

/** Whatever the message, the reason says who must act; `reason` undefined: any of the two. */
function refuses(work: () => unknown, reason: 'Storage' | 'Corrupt' | undefined, message = /./): void {
  let thrown: unknown;
  try {
    work();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).to.be.instanceOf(BarnError);
  if (!(thrown instanceof BarnError)) return;
  expect(thrown.reason).to.be.oneOf(reason === undefined ? ['Storage', 'Corrupt'] : [reason]);
  expect(thrown.message).to.match(message);
}
