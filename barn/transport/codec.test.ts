import { expect } from 'chai';
import fc from 'fast-check';
import type { Message, MessageType } from '../raft/protocol.ts';
import { ByteWriter } from './byte-writer.ts';
import { decodeMessage, encodeMessage, messageBytes, writeMessage } from './codec.ts';
import { message } from './conformance/support.ts';
import { TransportError } from './error.ts';

const types: readonly MessageType[] = [
  'MsgProp',
  'MsgApp',
  'MsgAppResp',
  'MsgVote',
  'MsgVoteResp',
  'MsgSnap',
  'MsgHeartbeat',
  'MsgHeartbeatResp',
  'MsgTransferLeader',
  'MsgTimeoutNow',
  'MsgReadIndex',
  'MsgReadIndexResp',
  'MsgPreVote',
  'MsgPreVoteResp',
  'MsgForgetLeader',
];
const numbers = fc.oneof(fc.nat(300), fc.maxSafeNat(), fc.constant(Number.MAX_SAFE_INTEGER));
const bytes = fc.uint8Array({ maxLength: 300 });
const ids = fc.array(numbers, { maxLength: 5 });
const entries = fc.record({
  term: numbers,
  index: numbers,
  type: fc.constantFrom('EntryNormal' as const, 'EntryConfChange' as const, 'EntryConfChangeV2' as const),
  data: bytes,
});
const snapshots = fc.record(
  {
    index: numbers,
    term: numbers,
    confState: fc.record({
      voters: ids,
      learners: ids,
      votersOutgoing: ids,
      learnersNext: ids,
      autoLeave: fc.boolean(),
    }),
    data: bytes,
  },
  { requiredKeys: ['index', 'term', 'confState'] },
);
const messages: fc.Arbitrary<Message> = fc.record(
  {
    type: fc.constantFrom(...types),
    to: numbers,
    from: numbers,
    term: numbers,
    logTerm: numbers,
    index: numbers,
    entries: fc.array(entries, { maxLength: 5 }),
    commit: numbers,
    vote: numbers,
    reject: fc.boolean(),
    rejectHint: numbers,
    snapshot: snapshots,
    context: bytes,
  },
  {
    requiredKeys: [
      'type',
      'to',
      'from',
      'term',
      'logTerm',
      'index',
      'entries',
      'commit',
      'vote',
      'reject',
      'rejectHint',
    ],
  },
);

function encoded(from: Message): Uint8Array {
  return new Uint8Array(Buffer.concat(encodeMessage(from)));
}

describe('the message codec', () => {
  it('gives back every message as it was, in no more bytes than it announces', () => {
    fc.assert(
      fc.property(messages, (from) => {
        const text = encoded(from);
        expect(decodeMessage(text)).to.deep.equal(from);
        expect(text.byteLength).to.be.at.most(messageBytes(from));
      }),
      { numRuns: 500 },
    );
  });

  it('writes the bytes of format 1', () => {
    const entry = { term: 2, index: 300, type: 'EntryConfChangeV2', data: Uint8Array.of(9, 8) } as const;
    const from = message(1, 2, { term: 2, logTerm: 1, index: 299, commit: 128, reject: true, entries: [entry] });
    expect([...encoded(from)]).to.deep.equal(
      // format, type, flags | to, from, term, logTerm, index, commit, vote, rejectHint | count | type, term, index, data
      [1, 3, 1, 2, 1, 2, 1, 0xab, 2, 0x80, 1, 0, 0, 1, 2, 2, 0xac, 2, 2, 9, 8],
    );
  });

  it('passes the bytes of entries on without a copy, and reads them as views', () => {
    const data = new Uint8Array(10);
    const parts = encodeMessage(message(1, 2, { entries: [{ term: 1, index: 1, type: 'EntryNormal', data }] }));
    expect(parts).to.include(data);
    const text = new Uint8Array(Buffer.concat(parts));
    expect(decodeMessage(text).entries[0]?.data.buffer).to.equal(text.buffer);
  });

  it('copies short bytes where the writer says so, and gives the same', () => {
    fc.assert(
      fc.property(messages, fc.nat(400), (from, copiedBytesMax) => {
        const writer = new ByteWriter(copiedBytesMax);
        writeMessage(writer, from);
        writeMessage(writer, from);
        const twice = Buffer.concat([encoded(from), encoded(from)]);
        expect(writer.written).to.equal(twice.byteLength);
        expect(Buffer.concat(writer.take()).equals(twice)).to.equal(true);
      }),
    );
  });

  it('refuses every message that is cut short or goes on', () => {
    fc.assert(
      fc.property(messages, (from) => {
        const text = encoded(from);
        for (let length = 0; length < text.byteLength; length += Math.max(1, text.byteLength >> 4))
          expectMalformed(text.subarray(0, length));
        expectMalformed(Uint8Array.of(...text, 0));
      }),
      { numRuns: 50 },
    );
  });

  it('reads or refuses any bytes, and nothing else', () => {
    const damaged = fc.tuple(messages, fc.nat(), fc.nat(255)).map(([from, at, value]) => {
      const text = encoded(from);
      text[at % text.byteLength] = value;
      return text;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged), (text) => {
        try {
          const read = decodeMessage(text);
          // What was read is what these bytes mean: there is one spelling of each message.
          expect([...encoded(read)]).to.deep.equal([...text]);
        } catch (error) {
          expect(error).to.include({ name: 'TransportError', reason: 'Malformed' });
        }
      }),
      { numRuns: 2_000 },
    );
  });

  for (const [title, text] of [
    ['another format', [2, 3, 0]],
    ['a message to a storage thread', [1, 19, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['flags of the future', [1, 3, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['a number of 2^53', [1, 3, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]],
    ['a number in more bytes than it needs', [1, 3, 0, 0x81, 0]],
    ['more entries than there is room for', [1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0x7f, 0, 0, 0, 0]],
    ['longer data than there is', [1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 0xff, 0xff, 0xff, 0x7f]],
  ] as const)
    it(`refuses ${title}`, () => expectMalformed(Uint8Array.from(text)));

  it('does not write what does not travel', () => {
    expect(() => encodeMessage(message(1, -1, { type: 'MsgStorageAppend' }))).to.throw('does not travel');
    expect(() => encodeMessage(message(1, 2, { responses: [] }))).to.throw('does not travel');
    expect(() => encodeMessage(message(1, 2, { index: 2 ** 53 }))).to.throw('cannot be written');
    expect(() => encodeMessage(message(1, 2, { index: -1 }))).to.throw('cannot be written');
  });
});

function expectMalformed(text: Uint8Array): void {
  expect(() => decodeMessage(text))
    .to.throw(TransportError)
    .with.property('reason', 'Malformed');
}
