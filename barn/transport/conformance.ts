// What every transport promises. Waits are for conditions, with a deadline.
import { expect } from 'chai';
import type { MemberId, Message } from '../raft/protocol.ts';
import { message, until } from './conformance/support.ts';
import type { TransportLimits } from './limits.ts';
import type { PeerAddress, Transport, TransportEvents } from './transport.ts';

/** A member of a test, and where the others find it. */
export interface TestMember {
  readonly address: PeerAddress;
  readonly transport: Transport;
}

/** How a transport makes members of one cluster. */
export interface TransportHarness {
  /** Opens a member; one that was closed is opened again where it was. */
  open(id: MemberId, events: TransportEvents, limits?: Partial<TransportLimits>): Promise<TestMember>;
  /** Closes all that is still open. */
  close(): Promise<void>;
}

/** The suite; each test has a harness of its own. */
export function transportConformance(makeHarness: () => Promise<TransportHarness>): void {
  let harness: TransportHarness;
  beforeEach(async () => {
    harness = await makeHarness();
  });
  afterEach(() => harness.close());

  /** Opens members 1 to `count`, each knowing all. */
  async function group(count: number, limits?: Partial<TransportLimits>): Promise<readonly Heard[]> {
    const heard: Heard[] = [];
    for (let id = 1; id <= count; id++) heard.push(await Heard.open(harness, id, limits));
    for (const member of heard) member.transport.setPeers(heard.map(({ address }) => address));
    for (const member of heard)
      await until(`${member.id} is connected`, () => member.transport.connected().length === count - 1);
    return heard;
  }

  it('delivers messages in the order of one turn and of many', async () => {
    const [one, two] = pair(await group(2));
    for (let turn = 0; turn < 20; turn++) {
      one.transport.send([1, 2, 3, 4, 5].map((at) => message(1, 2, { index: turn * 5 + at, commit: turn })));
      one.transport.flush();
    }
    await until('all have come', () => two.messages.length === 100);
    expect(two.messages.map(({ index }) => index)).to.deep.equal(Array.from({ length: 100 }, (_, at) => at + 1));
    expect(new Set(two.senders)).to.deep.equal(new Set([1]));
  });

  it('delivers a message as it was, to whom it names', async () => {
    const [one, two, three] = await group(3);
    const data = Uint8Array.from({ length: 100_000 }, (_, at) => at % 251);
    const sent = message(1, 3, {
      term: 2 ** 40,
      entries: [{ term: 7, index: 2 ** 53 - 1, type: 'EntryConfChangeV2', data }],
      context: Uint8Array.of(1, 2),
    });
    one?.transport.send([sent]);
    one?.transport.flush();
    await until('it has come', () => three?.messages.length === 1);
    expect(three?.messages).to.deep.equal([sent]);
    expect(two?.messages).to.deep.equal([]);
  });

  it('sends nothing before a flush', async () => {
    const [one, two] = pair(await group(2));
    one.transport.send([message(1, 2, { index: 1 })]);
    two.transport.send([message(2, 1, { index: 2 })]);
    two.transport.flush();
    await until('the flushed one has come', () => one.messages.length === 1);
    expect(two.messages).to.deep.equal([]);
  });

  it('drops what is beyond the bound of a queue, and reports it once', async () => {
    const [one, two] = pair(await group(2, { queueMessagesMax: 8 }));
    one.transport.send(Array.from({ length: 20 }, (_, at) => message(1, 2, { index: at + 1 })));
    await until('it is reported', () => one.unreachable.length > 0);
    one.transport.flush();
    one.transport.send([message(1, 2, { index: 100 })]);
    one.transport.flush();
    await until('the last has come', () => two.messages.some(({ index }) => index === 100));
    expect(two.messages.map(({ index }) => index)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 100]);
    expect(one.unreachable).to.deep.equal([2]);
  });

  it('drops what is beyond the bytes of a queue, but not the small ones', async () => {
    const [one, two] = pair(await group(2, { queueBytesMax: 10_000 }));
    const entries = [{ term: 1, index: 1, type: 'EntryNormal', data: new Uint8Array(6_000) }] as const;
    one.transport.send([
      message(1, 2, { index: 1, entries }),
      message(1, 2, { index: 2, entries }),
      message(1, 2, { index: 3, type: 'MsgHeartbeat' }),
    ]);
    one.transport.flush();
    await until('the heartbeat has come', () => two.messages.some(({ index }) => index === 3));
    expect(two.messages.map(({ index }) => index)).to.deep.equal([1, 3]);
    expect(one.unreachable).to.deep.equal([2]);
  });

  it('forgets messages to nobody, and to one who is gone', async () => {
    const [one, two] = pair(await group(2));
    one.transport.send([message(1, 9, { index: 1 })]);
    one.transport.setPeers([one.address]);
    expect(one.transport.connected()).to.deep.equal([]);
    one.transport.send([message(1, 2, { index: 2 })]);
    one.transport.setPeers([one.address, two.address]);
    await until('it is back', () => one.transport.connected().length === 1);
    one.transport.send([message(1, 2, { index: 3 })]);
    one.transport.flush();
    await until('the third has come', () => two.messages.length > 0);
    expect(two.messages.map(({ index }) => index)).to.deep.equal([3]);
  });

  it('reports a peer that closes, and goes on with it when it is there again', async () => {
    const [one, two] = pair(await group(2));
    await two.transport.close();
    await until('it is reported', () => one.unreachable.length === 1);
    expect(one.transport.connected()).to.deep.equal([]);
    one.transport.send([message(1, 2, { index: 1 })]);
    one.transport.flush();
    const again = await Heard.open(harness, 2);
    again.transport.setPeers([one.address, again.address]);
    await until('both are connected', () => [one, again].every(({ transport }) => transport.connected().length === 1));
    one.transport.send([message(1, 2, { index: 2 })]);
    one.transport.flush();
    await until('the new one has come', () => again.messages.some(({ index }) => index === 2));
    expect(again.messages.map(({ index }) => index)).to.deep.equal([2]);
    expect(one.unreachable).to.deep.equal([2]);
  });

  it('asks a question and brings the answer, or what was said against it', async () => {
    const [one, two] = pair(await group(2));
    expect(await one.transport.ask(two.address.url, Uint8Array.of(1, 2, 3))).to.deep.equal(Uint8Array.of(3, 2, 1));
    const refused = await one.transport.ask(two.address.url, Uint8Array.of(0)).catch((error: unknown) => error);
    expect(refused).to.include({ name: 'TransportError', reason: 'Refused' });
    expect(String(refused)).to.include('nothing is known of 0');
  });
}

/** A member that keeps what it hears. */
class Heard implements TransportEvents {
  readonly id: MemberId;
  readonly messages: Message[] = [];
  readonly senders: MemberId[] = [];
  readonly unreachable: MemberId[] = [];
  #member: TestMember | undefined;

  private constructor(id: MemberId) {
    this.id = id;
  }

  static async open(harness: TransportHarness, id: MemberId, limits?: Partial<TransportLimits>): Promise<Heard> {
    const heard = new Heard(id);
    heard.#member = await harness.open(id, heard, limits);
    return heard;
  }

  get transport(): Transport {
    return this.#opened.transport;
  }

  get address(): PeerAddress {
    return this.#opened.address;
  }

  get #opened(): TestMember {
    if (this.#member === undefined) throw new Error(`member ${this.id} is not open yet`);
    return this.#member;
  }

  onMessages(from: MemberId, messages: readonly Message[]): void {
    this.senders.push(from);
    this.messages.push(...messages);
  }

  onUnreachable(id: MemberId): void {
    this.unreachable.push(id);
  }

  onSnapshot(): Promise<void> {
    return Promise.reject(new Error('no snapshots here'));
  }

  onQuestion(question: Uint8Array): Promise<Uint8Array> {
    if (question[0] === 0) return Promise.reject(new Error('nothing is known of 0'));
    return Promise.resolve(question.toReversed());
  }
}

function pair(members: readonly Heard[]): readonly [Heard, Heard] {
  const [one, two] = members;
  if (one === undefined || two === undefined) throw new Error('two members are needed');
  return [one, two];
}
