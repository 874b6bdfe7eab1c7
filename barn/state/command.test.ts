import { expect } from 'chai';
import { seededRandom } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import { decodeCommand, encodeCommand } from './command.ts';
import type { Command } from './machine.ts';

const origin = { session: Number.MAX_SAFE_INTEGER, request: 300 };
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

const commands: readonly Command[] = [
  { kind: 'txn', origin, compares: [], success: [], failure: [] },
  {
    kind: 'txn',
    origin: { session: 0, request: 0 },
    compares: [
      { target: 'version', key: 'a', op: '=', number: 0 },
      { target: 'create', key: 'b', op: '!=', number: 127 },
      { target: 'mod', key: 'c', op: '<', number: 128 },
      { target: 'mod', key: 'd'.repeat(1_000), op: '>', number: 2 ** 40 + 5 },
      { target: 'value', key: 'e', op: '=', value: bytes('x') },
      { target: 'value', key: '~', op: '!=', value: bytes('') },
    ],
    success: [
      { do: 'put', key: 'a', value: bytes('v'.repeat(20_000)) },
      { do: 'delete', key: 'b' },
      { do: 'get', key: 'c' },
    ],
    failure: [{ do: 'put', key: 'f', value: bytes('') }],
  },
  { kind: 'compact', origin, revision: 12_345 },
  { kind: 'check', revision: 1, hash: 0xffff_ffff },
  { kind: 'alarm', origin, alarm: { kind: 'NOSPACE', member: 0xabc }, active: true },
  { kind: 'alarm', origin, alarm: { kind: 'CORRUPT', member: 1 }, active: false },
  { kind: 'format', format: 2 },
];

describe('the bytes of a command', () => {
  for (const [index, command] of commands.entries()) {
    it(`are read back: ${index} ${command.kind}`, () => {
      expect(decodeCommand(encodeCommand(command, 1))).to.deep.equal(command);
    });

    it(`are refused as Corrupt when cut at any place or longer: ${index} ${command.kind}`, () => {
      const whole = encodeCommand(command, 1);
      const step = Math.max(1, Math.floor(whole.length / 500));
      for (let length = 0; length < whole.length; length += step) {
        expect(reasonOf(whole.subarray(0, length)), `${length} bytes`).to.equal('Corrupt');
      }
      expect(reasonOf(Buffer.concat([whole, Buffer.alloc(1)]))).to.equal('Corrupt');
    });
  }

  it('begin with a format, and a newer one is refused with what to do', () => {
    const encoded = encodeCommand({ kind: 'format', format: 1 }, 1);
    expect(encoded[0]).to.equal(1);
    encoded[0] = 2;
    expect(() => decodeCommand(encoded)).to.throw(
      'it has command format 2, and this version of Runink knows up to 1: start the newer version here',
    );
    expect(reasonOf(encoded)).to.equal('Storage');
    encoded[0] = 0;
    expect(reasonOf(encoded)).to.equal('Corrupt');
  });

  it('stay few: 256 bytes under a key of 40 take 310', () => {
    const key = 'k'.repeat(40);
    const command = {
      kind: 'txn',
      origin: { session: 2 ** 40, request: 10_000 },
      compares: [],
      success: [{ do: 'put', key, value: Buffer.alloc(256) }],
      failure: [],
    } as const;
    expect(encodeCommand(command, 1).length).to.be.lessThan(315);
  });

  it('give values that share their memory', () => {
    const encoded = encodeCommand(commands[1] ?? { kind: 'format', format: 1 }, 1);
    const decoded = decodeCommand(encoded);
    if (decoded.kind !== 'txn' || decoded.success[0]?.do !== 'put') throw new Error('not the command that was written');
    expect(decoded.success[0].value.buffer).to.equal(encoded.buffer);
  });

  const seed = Number(process.env['BARN_SEED'] ?? Date.now() % 2 ** 31);

  it(`end in a command or in the clear error, whatever they are (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const below = (limit: number): number => Math.floor(random.next() * limit);
    for (let round = 0; round < 20_000; round++) {
      const original = commands[below(commands.length)];
      const garbage = original === undefined || below(2) === 0 ? Buffer.alloc(below(40)) : encodeCommand(original, 1);
      const changes = garbage.length > 100 ? 1 : 4;
      for (let change = 0; change < changes; change++) garbage[below(garbage.length)] = below(256);
      if (garbage.length > 0) garbage[0] = 1;
      expect(reasonOf(garbage), Buffer.from(garbage).toString('hex')).to.be.oneOf([undefined, 'Corrupt']);
    }
  });
});

function reasonOf(encoded: Uint8Array): string | undefined {
  try {
    decodeCommand(encoded);
    return undefined;
  } catch (error) {
    if (error instanceof BarnError) return error.reason;
    throw error;
  }
}
