// What a member does about those it dials: whom it believes, what it says about trouble, and when the way goes dark.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { type Log, type LogFields, ManualClock, seededRandom, silentLog } from '../../base/index.ts';
import { createPeerAuthority, type PeerAuthority, peerCredentials } from '../../test/support/peer-certificates.ts';
import type { MemberId } from '../raft/protocol.ts';
import { message, until } from './conformance/support.ts';
import type { PeerCredentials } from './credentials.ts';
import { defaultTransportLimits } from './limits.ts';
import { openTlsTransport, type TlsTransport, type TlsTransportOptions } from './tls.ts';

const { pingMs, idleMs, backoff } = defaultTransportLimits;

const impostors: readonly (readonly [string, { id?: number; clusterId?: number; isForeign?: boolean }, RegExp])[] = [
  ['another member', { id: 3 }, /has a certificate of "[^"]*CN=m3", which does not bear the name m2/],
  ['one of another cluster', { clusterId: 78 }, /refused: this member is of cluster 4e, not 4d/],
  ['one of another authority', { isForeign: true }, /unable to verify|self-signed|issuer certificate/],
];

describe('a member that dials', function () {
  this.timeout(60_000);
  let authority: PeerAuthority;
  let foreign: PeerAuthority;
  let clock: ManualClock;
  const opened: TlsTransport[] = [];
  const heard: number[] = [];
  const unreachable: MemberId[] = [];

  before(async () => {
    authority = await createPeerAuthority();
    foreign = await createPeerAuthority();
  });
  beforeEach(() => {
    clock = new ManualClock();
    heard.length = 0;
    unreachable.length = 0;
  });
  afterEach(async () => {
    for (const transport of opened.splice(0)) await transport.close();
  });

  async function open(
    id: MemberId,
    options: Partial<TlsTransportOptions> & { readonly signedBy?: PeerAuthority } = {},
  ): Promise<TlsTransport> {
    const { signedBy = authority, ...others } = options;
    const transport = await openTlsTransport(
      {
        id,
        name: `m${id}`,
        clusterId: 77,
        url: '',
        listen: { host: '127.0.0.1', port: 0 },
        credentials: await peerCredentials(signedBy, `m${id}`),
        clock,
        random: seededRandom(id),
        log: silentLog,
        ...others,
      },
      {
        onMessages: (_from, messages) => void heard.push(...messages.map(({ index }) => index)),
        onUnreachable: (peer) => void unreachable.push(peer),
        onSnapshot: () => Promise.reject(new Error('no snapshots here')),
        onQuestion: () => Promise.resolve(Uint8Array.of(id)),
      },
    );
    opened.push(transport);
    return transport;
  }

  const address = (id: MemberId, port: number) => ({ id, name: `m${id}`, url: `https://127.0.0.1:${port}` });

  for (const [title, { id = 2, clusterId = 77, isForeign = false }, error] of impostors)
    it(`does not take ${title} for its peer, and says so once`, async () => {
      const { log, lines } = loud();
      const other = await open(id, { clusterId, signedBy: isForeign ? foreign : authority });
      const one = await open(1, { log });
      one.setPeers([address(2, other.port)]);
      await until('it is reported', () => unreachable.length === 1);
      for (let at = 0; at < 3; at++) {
        clock.advance(backoff.capMs);
        await turns();
      }
      expect(one.connected()).to.deep.equal([]);
      expect(unreachable).to.deep.equal([2]);
      const warnings = lines.filter(({ text }) => text === 'no connection to peer');
      expect(warnings).to.have.length(1);
      expect(String(warnings[0]?.fields?.['error'])).to.match(error);
    });

  it('answers one that it does not know yet, where that one says it is found', async () => {
    const wire = await Wire.open();
    try {
      const two = await open(2);
      const fresh = await open(4, { url: `https://127.0.0.1:${wire.port}` });
      wire.target = fresh.port;
      fresh.setPeers([address(2, two.port)]);
      await until('it is connected', () => fresh.connected().length === 1);
      two.send([message(2, 4, { index: 8 })]);
      two.flush();
      await until('the answer has come', () => heard.includes(8));
    } finally {
      await wire.close();
    }
  });

  it('notices a way that went dark, and goes on when there is one again', async () => {
    const two = await open(2);
    const wire = await Wire.open();
    wire.target = two.port;
    try {
      const one = await open(1);
      one.setPeers([address(2, wire.port)]);
      await until('it is connected', () => one.connected().length === 1);
      wire.stop();
      for (let passedMs = 0; passedMs <= idleMs + pingMs; passedMs += pingMs) clock.advance(pingMs);
      await until('it is reported', () => unreachable.length === 1);
      expect(one.connected()).to.deep.equal([]);
      one.send([message(1, 2, { index: 1 })]);
      one.flush();
      const before = wire.accepted;
      wire.go();
      await until('it dials again', () => {
        if (wire.accepted === before) clock.advance(10);
        return wire.accepted > before;
      });
      await until('it is connected again', () => one.connected().length === 1);
      one.send([message(1, 2, { index: 2 })]);
      one.flush();
      await until('the new one has come', () => heard.includes(2));
      expect(heard).to.deep.equal([2]);
      expect(unreachable).to.deep.equal([2]);
    } finally {
      await wire.close();
    }
  });

  it('follows a peer to another address', async () => {
    const two = await open(2);
    const one = await open(1);
    one.setPeers([address(2, 1)]);
    await until('it is reported', () => unreachable.length === 1);
    one.setPeers([address(2, two.port)]);
    await until('it is connected', () => one.connected().length === 1);
  });

  it('shows new certificates once it has them', async () => {
    const [one, two] = [await open(1, { signedBy: foreign }), await open(2)];
    await one.ask(address(2, two.port).url, Uint8Array.of(1)).then(
      () => expect.fail('a foreigner was answered'),
      (error: unknown) => expect(error).to.include({ reason: 'Unreachable' }),
    );
    one.update(await peerCredentials(authority, 'm1'));
    expect(await one.ask(address(2, two.port).url, Uint8Array.of(1))).to.deep.equal(Uint8Array.of(2));
    expect(await two.ask(address(1, one.port).url, Uint8Array.of(1))).to.deep.equal(Uint8Array.of(1));
  });

  for (const [title, change, why] of [
    [
      'of another name',
      (own: PeerCredentials, other: PeerCredentials) => ({ ...own, certificate: other.certificate, key: other.key }),
      /bears no common or DNS name "m1"/,
    ],
    [
      'with another key',
      (own: PeerCredentials, other: PeerCredentials) => ({ ...own, key: other.key }),
      /key values mismatch/,
    ],
    ['that cannot be read', (own: PeerCredentials) => ({ ...own, certificate: 'x' }), /m1 cannot be used/],
  ] as const)
    it(`does not begin with a certificate ${title}`, async () => {
      const [own, other] = [await peerCredentials(authority, 'm1'), await peerCredentials(authority, 'm2')];
      const error = await open(1, { credentials: change(own, other) }).catch((cause: unknown) => cause);
      expect(error).to.include({ name: 'TransportError', reason: 'Credentials' });
      expect(String(error)).to.match(why);
    });

  it('says which address it cannot listen on', async () => {
    const one = await open(1);
    const error = await open(2, { listen: { host: '127.0.0.1', port: one.port } }).catch((cause: unknown) => cause);
    expect(error).to.include({ reason: 'Listen' });
    expect(String(error)).to.include(`127.0.0.1:${one.port}`);
  });
});

/** Lets sockets of this process have their turns. */
async function turns(): Promise<void> {
  for (let at = 0; at < 20; at++) await new Promise((resolve) => setTimeout(resolve, 1));
}

function loud(): { readonly log: Log; readonly lines: { readonly text: string; readonly fields?: LogFields }[] } {
  const lines: { text: string; fields?: LogFields }[] = [];
  const add = (text: string, fields: LogFields = {}): void => void lines.push({ text, fields });
  const log: Log = { debug: add, info: add, warn: add, error: add, with: () => log };
  return { log, lines };
}

/** A way to a port that can be stopped: what goes by it stays open, and nothing comes through; nobody comes in. */
class Wire {
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  #isStopped = false;
  target = 0;
  /** Who has come in. */
  accepted = 0;

  private constructor() {
    this.#server = createServer((near) => this.#join(near));
  }

  static open(): Promise<Wire> {
    const wire = new Wire();
    return new Promise((resolve) => wire.#server.listen(0, '127.0.0.1', () => resolve(wire)));
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  stop(): void {
    this.#isStopped = true;
  }

  go(): void {
    this.#isStopped = false;
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #join(near: Socket): void {
    if (this.#isStopped) return void near.destroy();
    this.accepted++;
    const far = connect({ host: '127.0.0.1', port: this.target });
    this.#sockets.push(near, far);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (chunk) => this.#isStopped || to.write(chunk));
      from.on('error', () => undefined).on('close', () => this.#isStopped || to.destroy());
    }
  }
}
