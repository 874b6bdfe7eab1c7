import { expect } from 'chai';
import type { MemberId, Message } from '../../raft/protocol.ts';
import type { TestMember, TransportHarness } from '../conformance.ts';
import type { TransportEvents } from '../transport.ts';
import { message, until } from './support.ts';

const meta = {
  index: 100,
  term: 3,
  confState: { voters: [1, 2], learners: [3], votersOutgoing: [1], learnersNext: [], autoLeave: true },
};
const announced = message(1, 2, { type: 'MsgSnap', snapshot: meta });
const chunkBytes = 64 * 1024;

/** What every transport promises of snapshots; each test has a harness of its own. */
export function snapshotConformance(makeHarness: () => Promise<TransportHarness>): void {
  let harness: TransportHarness;
  beforeEach(async () => {
    harness = await makeHarness();
  });
  afterEach(() => harness.close());

  /** Member 1, which knows member 2, which takes snapshots in with `onSnapshot`. */
  async function sender(onSnapshot: TransportEvents['onSnapshot']): Promise<TestMember> {
    const one = await harness.open(1, events(refuse), { snapshotBytesMax: 4 * chunkBytes });
    const two = await harness.open(2, events(onSnapshot), { snapshotBytesMax: 4 * chunkBytes });
    one.transport.setPeers([two.address]);
    two.transport.setPeers([one.address]);
    return one;
  }

  it('brings all chunks of a snapshot with its message', async () => {
    const taken: { from?: MemberId; message?: Message; bytes: number[] } = { bytes: [] };
    const one = await sender(async (from, incoming, chunks) => {
      Object.assign(taken, { from, message: incoming });
      for await (const chunk of chunks) taken.bytes.push(...chunk);
    });
    await one.transport.sendSnapshot({ message: announced, chunks: chunksOf([1, 2], [], [3, 4, 5]) });
    expect(taken).to.deep.equal({ from: 1, message: announced, bytes: [1, 2, 3, 4, 5] });
  });

  it('ends only when the other side has taken it in', async () => {
    const gate = new Gate();
    const one = await sender(async (_from, _message, chunks) => {
      await drain(chunks);
      await gate.passed;
    });
    let isSent = false;
    const sending = one.transport.sendSnapshot({ message: announced, chunks: chunksOf([1]) }).then(() => {
      isSent = true;
    });
    await until('the other side waits', () => gate.isAwaited);
    expect(isSent).to.equal(false);
    gate.open();
    await sending;
  });

  it('waits for a slow taker instead of filling memory', async () => {
    const gate = new Gate();
    let takenBytes = 0;
    const one = await sender(async (_from, _message, chunks) => {
      await gate.passed;
      takenBytes = await drain(chunks);
    });
    const source = new Counted(1_024);
    const sending = one.transport.sendSnapshot({ message: announced, chunks: source });
    await until('the other side waits', () => gate.isAwaited);
    // Nobody can tell that it will never go on, so see it stand still over many turns; a source without bound is read out.
    let seen = -1;
    for (let still = 0; still < 50 && source.given < 1_024; ) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      still = source.given === seen ? still + 1 : 0;
      seen = source.given;
    }
    expect(source.given).to.be.lessThan(1_024);
    gate.open();
    await sending;
    expect(takenBytes).to.equal(1_024 * chunkBytes);
  });

  it('is refused with what the other side said, and reads no further', async () => {
    const one = await sender(async (_from, _message, chunks) => {
      for await (const _ of chunks) throw new Error('this member has a newer one');
    });
    const source = new Counted(10_000);
    const error = await one.transport
      .sendSnapshot({ message: announced, chunks: source })
      .catch((cause: unknown) => cause);
    expect(error).to.include({ name: 'TransportError', reason: 'Refused' });
    expect(String(error)).to.include('this member has a newer one');
    expect(source.isReturned).to.equal(true);
  });

  it('breaks on the other side when reading it fails here', async () => {
    let seen: unknown;
    const one = await sender(async (_from, _message, chunks) => {
      seen = await drain(chunks).catch((error: unknown) => error);
      throw new Error('incomplete');
    });
    const error = await one.transport
      .sendSnapshot({ message: announced, chunks: broken() })
      .catch((cause: unknown) => cause);
    expect(String(error)).to.equal('Error: the disk is gone');
    await until('the other side knows', () => seen !== undefined);
    expect(seen).to.include({ name: 'TransportError' });
    expect(String(seen)).to.include('the disk is gone');
  });

  it('goes to a known peer only, one at a time', async () => {
    const gate = new Gate();
    const one = await sender(async (_from, _message, chunks) => {
      await drain(chunks);
      await gate.passed;
    });
    const first = one.transport.sendSnapshot({ message: announced, chunks: chunksOf([1]) });
    const send = (to: MemberId): Promise<unknown> =>
      one.transport
        .sendSnapshot({ message: { ...announced, to }, chunks: chunksOf([1]) })
        .catch((cause: unknown) => cause);
    expect(await send(2)).to.include({ reason: 'Busy' });
    expect(await send(9)).to.include({ reason: 'UnknownPeer' });
    gate.open();
    await first;
  });

  it('is lost when either side closes', async () => {
    let seen: unknown;
    const one = await sender(async (_from, _message, chunks) => {
      seen = 'begun';
      seen = await drain(chunks).catch((error: unknown) => error);
    });
    const sending = one.transport
      .sendSnapshot({ message: announced, chunks: endless() })
      .catch((cause: unknown) => cause);
    await until('it has begun', () => seen === 'begun');
    await one.transport.close();
    expect(await sending).to.include({ name: 'TransportError' });
    await until('the other side knows', () => seen !== 'begun');
    expect(seen).to.include({ name: 'TransportError' });
  });
}

/** Something to wait for that a test opens. */
class Gate {
  isAwaited = false;
  open: () => void = () => undefined;
  readonly #passed = new Promise<void>((resolve) => (this.open = resolve));

  get passed(): Promise<void> {
    this.isAwaited = true;
    return this.#passed;
  }
}

/** Chunks that say how many of them were asked for. */
class Counted implements AsyncIterable<Uint8Array> {
  given = 0;
  isReturned = false;
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    try {
      for (; this.given < this.#count; this.given++) yield new Uint8Array(chunkBytes);
    } finally {
      this.isReturned = true;
    }
  }
}

async function* chunksOf(...chunks: readonly (readonly number[])[]): AsyncGenerator<Uint8Array, void, void> {
  for (const chunk of chunks) yield Uint8Array.from(chunk);
}

async function* broken(): AsyncGenerator<Uint8Array, void, void> {
  yield new Uint8Array(10);
  throw new Error('the disk is gone');
}

async function* endless(): AsyncGenerator<Uint8Array, void, void> {
  for (;;) {
    yield new Uint8Array(10);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of chunks) bytes += chunk.byteLength;
  return bytes;
}

const refuse = (): Promise<void> => Promise.reject(new Error('no snapshots here'));

function events(onSnapshot: TransportEvents['onSnapshot']): TransportEvents {
  return {
    onMessages: () => undefined,
    onUnreachable: () => undefined,
    onSnapshot,
    onQuestion: () => Promise.reject(new Error('no questions here')),
  };
}
