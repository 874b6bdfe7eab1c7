import { expect } from 'chai';
import { BarnError } from './barn.ts';
import { KeyRing, plain, type StoreKey, type StoreKeys } from './keys.ts';
import { checkOf, createSealer, isSealed, keyOf } from './seal.ts';

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
    const rotating = ring(one);
    const sealer = createSealer(rotating);
    const before = sealer.seal(text, 'here');
    rotating.change([two, one]);
    const after = sealer.seal(text, 'here');
    expect([before, after].map(keyOf)).to.deep.equal(['one', 'two']);
    expect(sealer.currentId).to.equal('two');
    expect(Buffer.from(sealer.unseal(before, 'here'))).to.deep.equal(text);
    expect(Buffer.from(createSealer(rotating).unseal(before, 'here'))).to.deep.equal(text);
    rotating.change([two]);
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
    const moving = createSealer(ring(one, plain));
    expect(moving.unseal(text, 'here')).to.equal(text);
    expect(isSealed(moving.seal(text, 'here'))).to.equal(true);
  });

  it('writes in the open only where that comes first, and still reads what is sealed', () => {
    const sealed = createSealer(ring(one)).seal(text, 'here');
    const leaving = createSealer(ring(plain, one));
    expect(leaving.seal(text, 'here')).to.equal(text);
    expect(keyOf(text)).to.equal(leaving.currentId).and.to.equal('plain');
    expect(Buffer.from(leaving.unseal(sealed, 'here'))).to.deep.equal(text);
  });

  it('tells a key from another one by a check that does not show it', () => {
    expect(checkOf(one)).to.match(/^[0-9a-f]{16}$/);
    expect(checkOf(one)).to.not.equal(checkOf({ ...one, key: Buffer.alloc(32, 9) }));
  });

  for (const [title, keys, said] of [
    ['is too short', [{ id: 'short', key: Buffer.alloc(16) }], /"short" has 16 bytes, not 32/],
    ['has no name', [{ id: '', key: Buffer.alloc(32) }], /1 to 64 printable/],
    ['has the name of what is in the open', [{ id: 'plain', key: Buffer.alloc(32) }], /not plain/],
    ['has the name of another', [one, two, one], /two encryption keys are named "one"/],
    ['is not there', [], /no encryption key/],
  ] as const)
    it(`refuses a key that ${title}`, () => refuses(() => new KeyRing(keys), 'Storage', said));

  it('refuses another key under a known name, and stays with the one it had', () => {
    const keys = ring(one);
    refuses(() => keys.change([two, { ...one, key: two.key }]), 'Storage', /"one" is another one than before/);
    expect(keys.currentId).to.equal('one');
  });
});

function ring(...keys: StoreKeys): KeyRing {
  return new KeyRing(keys);
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
