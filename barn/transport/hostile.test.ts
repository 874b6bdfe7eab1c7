// What a member does about those who should not come in, and about peers that misbehave or fall silent.
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { ManualClock, seededRandom, silentLog } from '../../base/index.ts';
import { createPeerAuthority, peerCredentials } from '../../test/support/peer-certificates.ts';
import { writeMessage } from './codec.ts';
import { Stranger } from './conformance/stranger.ts';
import { message, until } from './conformance/support.ts';
import type { PeerCredentials } from './credentials.ts';
import { frameKinds } from './frames.ts';
import type { Hello } from './hello.ts';
import { defaultTransportLimits } from './limits.ts';
import { openTlsTransport, type TlsTransport } from './tls.ts';

const { handshakeMs, strangersMax } = defaultTransportLimits;

describe('a member’s door', function () {
  this.timeout(60_000);
  let credentials: Record<'m1' | 'm2' | 'm3' | 'foreign', PeerCredentials>;
  let clock: ManualClock;
  let member: TlsTransport;
  const heard: number[] = [];
  const strangers: { destroy(): void }[] = [];

  before(async () => {
    const [ours, theirs] = [await createPeerAuthority(), await createPeerAuthority()];
    credentials = {
      m1: await peerCredentials(ours, 'm1'),
      m2: await peerCredentials(ours, 'm2'),
      m3: await peerCredentials(ours, 'm3'),
      foreign: await peerCredentials(theirs, 'm2'),
    };
  });
  beforeEach(async () => {
    heard.length = 0;
    clock = new ManualClock();
    const events = {
      onMessages: (_from: number, messages: readonly { readonly index: number }[]) =>
        void heard.push(...messages.map(({ index }) => index)),
      onUnreachable: () => undefined,
      onSnapshot: () => Promise.reject(new Error('no snapshots here')),
      onQuestion: () => Promise.reject(new Error('no questions here')),
    };
    member = await openTlsTransport(
      {
        id: 1,
        name: 'm1',
        clusterId: 77,
        url: '',
        listen: { host: '127.0.0.1', port: 0 },
        credentials: credentials.m1,
        clock,
        random: seededRandom(1),
        log: silentLog,
      },
      events,
    );
    // Nobody listens there: what this member dials is not the matter here.
    member.setPeers([
      { id: 2, name: 'm2', url: 'https://127.0.0.1:1' },
      { id: 3, name: 'm3', url: 'https://127.0.0.1:1' },
    ]);
  });
  afterEach(async () => {
    for (const socket of strangers.splice(0)) socket.destroy();
    await member.close();
  });

  function stranger(as: PeerCredentials | undefined, options: object = {}): Stranger {
    const identity = as === undefined ? {} : { cert: as.certificate, key: as.key };
    const made = new Stranger(member.port, { ...identity, ...options });
    strangers.push(made.socket);
    return made;
  }

  function tcp(): Socket & { isGone?: boolean } {
    const socket: Socket & { isGone?: boolean } = connect({ host: '127.0.0.1', port: member.port });
    socket.on('error', () => undefined).on('close', () => (socket.isGone = true));
    // It has to read, or it would never see the end.
    socket.resume();
    strangers.push(socket);
    return socket;
  }

  /** The second member, welcomed. */
  async function second(): Promise<Stranger> {
    const two = stranger(credentials.m2);
    two.greet(hello);
    await two.welcomed();
    return two;
  }

  it('lets a member in and hears its messages', async () => {
    const two = await second();
    two.say(frameKinds.message, (writer) => writeMessage(writer, message(2, 1, { index: 5 })));
    await until('the message has come', () => heard.length === 1);
    expect(heard).to.deep.equal([5]);
  });

  it('is closed to one without a certificate', async () => {
    const nobody = stranger(undefined);
    nobody.greet(hello);
    await nobody.closed();
    expect(nobody.frames).to.deep.equal([]);
  });

  it('is closed to a certificate of another authority', async () => {
    const foreigner = stranger(credentials.foreign);
    foreigner.greet(hello);
    await foreigner.closed();
    expect(foreigner.frames).to.deep.equal([]);
  });

  it('is closed to TLS 1.2', async () => {
    const old = stranger(credentials.m2, { maxVersion: 'TLSv1.2' });
    await old.closed();
    expect(old.frames).to.deep.equal([]);
  });

  for (const [title, changes, why] of [
    [
      'a certificate that bears another name',
      { from: 3 },
      'member 3 is "m3", a name that the certificate does not bear',
    ],
    ['a member of another cluster', { clusterId: 78 }, 'this member is of cluster 4d, not 4e'],
    ['one who looks for another member', { to: 9 }, 'this member is 1, not 9'],
    ['one who says to be this member', { from: 1 }, "1 cannot be the dialler's id"],
    ['one without an id', { from: 0 }, "0 cannot be the dialler's id"],
    [
      'a later version of the protocol',
      { oldestVersion: 8, newestVersion: 9 },
      'it speaks the versions 8 to 9 of the protocol; spoken here are 1 to 1',
    ],
    ['an unknown one under a name it does not bear', { from: 9, name: 'm9' }, 'member 9 is "m9", a name'],
  ] as const)
    it(`refuses ${title}, and says so`, async () => {
      const other = stranger(credentials.m2);
      other.greet({ ...hello, ...changes });
      expect(await other.refusal()).to.include(why);
      await other.closed();
    });

  it('refuses one who was removed, and says so', async () => {
    const two = await second();
    member.setPeers([]);
    await two.closed();
    const again = stranger(credentials.m2);
    again.greet(hello);
    expect(await again.refusal()).to.equal('member 2 was removed from the cluster');
  });

  it('lets in a newer version that still speaks this one', async () => {
    const two = stranger(credentials.m2);
    two.greet({ ...hello, newestVersion: 9 });
    await two.welcomed();
  });

  it('lets in one who is not known here yet, and hears it', async () => {
    member.setPeers([]);
    const fresh = stranger(credentials.m3);
    fresh.greet({ ...hello, from: 3_000, name: 'm3' });
    await fresh.welcomed();
    fresh.say(frameKinds.message, (writer) => writeMessage(writer, message(3_000, 1, { index: 6 })));
    await until('the message has come', () => heard.length === 1);
  });

  for (const [title, bytes] of [
    ['garbage', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a length of 4 GB', Buffer.from([255, 255, 255, 255, frameKinds.message])],
    ['another frame than a greeting', Buffer.from([0, 0, 0, 1, frameKinds.end])],
  ] as const) {
    it(`is shut at ${title} for a greeting`, async () => {
      const two = stranger(credentials.m2);
      two.socket.write(bytes);
      await two.closed();
    });
    it(`is shut at ${title} among messages`, async () => {
      const two = await second();
      two.socket.write(bytes);
      await two.closed();
      expect(heard).to.deep.equal([]);
    });
  }

  it('is shut at garbage instead of TLS', async () => {
    const socket = tcp();
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await until('it is closed', () => socket.isGone === true);
  });

  for (const [title, said] of [
    ['in another’s name', message(3, 1)],
    ['to another', message(2, 3)],
  ] as const)
    it(`is shut at a message ${title}`, async () => {
      const two = await second();
      two.say(frameKinds.message, (writer) => writeMessage(writer, said));
      await two.closed();
      expect(heard).to.deep.equal([]);
    });

  it('is shut to who takes too long to begin TLS, or to say who it is', async () => {
    const [slow, silent] = [tcp(), stranger(credentials.m2)];
    await until('the silent one is in TLS', () => silent.socket.getCipher() !== undefined);
    slow.write(Buffer.from([22, 3, 1]));
    // A third one proves that the first two were taken in.
    await second();
    expect([slow.isGone, silent.isClosed]).to.deep.equal([undefined, false]);
    clock.advance(handshakeMs);
    await until('both are closed', () => slow.isGone === true && silent.isClosed);
  });

  it('holds so many strangers and no more, and still lets a member in', async () => {
    const many = Array.from({ length: strangersMax + 5 }, tcp);
    await until('five are closed', () => many.filter(({ isGone }) => isGone).length >= 5);
    await second();
    expect(many.filter(({ isGone }) => isGone).length).to.be.at.most(6);
  });

  it('hears only the newest connection of a member', async () => {
    const old = await second();
    await second();
    await old.closed();
  });

  it('is shut to a member that falls silent', async () => {
    const two = await second();
    for (let at = 0; at < 10 && !two.isClosed; at++) clock.advance(defaultTransportLimits.pingMs);
    await two.closed();
  });
});

const hello: Hello = {
  oldestVersion: 1,
  newestVersion: 1,
  clusterId: 77,
  from: 2,
  to: 1,
  purpose: 'messages',
  name: 'm2',
  url: '',
};
