import type { X509Certificate } from 'node:crypto';
import type { Clock } from '../../base/index.ts';
import type { MemberId, Message } from '../raft/protocol.ts';
import { answer } from './ask.ts';
import { malformed } from './byte-reader.ts';
import { decodeMessage } from './codec.ts';
import { bearsName } from './credentials.ts';
import { TransportError } from './error.ts';
import { frameKinds } from './frames.ts';
import type { Hello } from './hello.ts';
import type { TransportLimits } from './limits.ts';
import type { Link } from './link.ts';
import { receiveSnapshot } from './snapshot-receive.ts';
import type { PeerAddress, TransportEvents } from './transport.ts';

/** Questions that are being answered; more are refused. */
const questionsMax = 16;

/** What those who dial in are held against. */
export interface InboundOptions {
  readonly id: MemberId;
  readonly clusterId: number;
  readonly clock: Clock;
  readonly limits: TransportLimits;
  readonly events: TransportEvents;
  /** Who has this id, as far as is known here. */
  readonly peerOf: (id: MemberId) => PeerAddress | undefined;
  /** Whether it was a member and is none any more. */
  readonly isGone: (id: MemberId) => boolean;
  /** One has come in and may be answered. */
  readonly onCome: (hello: Hello) => void;
  /** The last message connection of one has ended. */
  readonly onLeft: (id: MemberId) => void;
}

/** The connections that peers have made to this member: one for messages each, and one for a snapshot at a time. */
export class Inbound {
  readonly #options: InboundOptions;
  readonly #links = new Map<MemberId, Link>();
  readonly #snapshots = new Map<MemberId, Link>();
  #questions = 0;

  constructor(options: InboundOptions) {
    this.#options = options;
  }

  /** Why it may not come in. One that is not known is let in: this member may be behind those who took it in. */
  refuse(hello: Hello, certificate: X509Certificate): string | undefined {
    const { id, clusterId, peerOf, isGone } = this.#options;
    if (hello.clusterId !== clusterId)
      return `this member is of cluster ${hex(clusterId)}, not ${hex(hello.clusterId)}`;
    const isQuestion = hello.purpose === 'question';
    if (hello.to !== id && !(isQuestion && hello.to === 0)) return `this member is ${hex(id)}, not ${hex(hello.to)}`;
    if (isQuestion && this.#questions >= questionsMax) return `${questionsMax} questions are being answered`;
    if (hello.from === id || (hello.from === 0 && !isQuestion)) return `${hex(hello.from)} cannot be the dialler's id`;
    if (isGone(hello.from)) return `member ${hex(hello.from)} was removed from the cluster`;
    const name = peerOf(hello.from)?.name ?? hello.name;
    if (name === '' || !bearsName(certificate, name))
      return `member ${hex(hello.from)} is ${JSON.stringify(name)}, a name that the certificate does not bear`;
    if (hello.purpose === 'snapshot' && this.#snapshots.has(hello.from))
      return `a snapshot of member ${hex(hello.from)} is still being taken in`;
    return undefined;
  }

  /** Listens to a link that was not refused. A newer connection for messages ends the older: its dialler knows it broke. */
  accept(hello: Hello, link: Link): void {
    if (hello.purpose === 'question') return this.#answer(link);
    if (hello.purpose === 'snapshot') this.#takeSnapshot(hello.from, link);
    else this.#takeMessages(hello.from, link);
    this.#options.onCome(hello);
  }

  #answer(link: Link): void {
    this.#questions++;
    answer(link, {
      clock: this.#options.clock,
      onQuestion: (question) => this.#options.events.onQuestion(question),
      onEnd: () => this.#questions--,
    });
  }

  /** Ends what one has here. */
  drop(id: MemberId): void {
    const error = new TransportError('Closed', 'the peer is no member any more, or another one now');
    this.#links.get(id)?.end(error);
    this.#snapshots.get(id)?.end(error);
  }

  #takeMessages(from: MemberId, link: Link): void {
    const older = this.#links.get(from);
    this.#links.set(from, link);
    older?.end(new TransportError('Closed', 'the peer made a newer connection'));
    let turn: Message[] = [];
    link.listen({
      onFrame: (kind, body) => {
        if (kind !== frameKinds.message) throw malformed(`is a frame of kind ${kind} among messages`);
        turn.push(this.#read(from, body));
      },
      onTurn: () => {
        if (turn.length === 0) return;
        const messages = turn;
        turn = [];
        this.#options.events.onMessages(from, messages);
      },
      onClosed: () => {
        if (this.#links.get(from) !== link) return;
        this.#links.delete(from);
        this.#options.onLeft(from);
      },
    });
  }

  #takeSnapshot(from: MemberId, link: Link): void {
    this.#snapshots.set(from, link);
    receiveSnapshot(link, from, {
      limits: this.#options.limits,
      onSnapshot: (...parts) => this.#options.events.onSnapshot(...parts),
      read: (body) => {
        const message = this.#read(from, body);
        if (message.type !== 'MsgSnap' || message.snapshot === undefined)
          throw malformed(`announces a snapshot with ${message.type}`);
        return message;
      },
      onEnd: () => this.#snapshots.delete(from),
    });
  }

  /** A message to this member that its sender may say. */
  #read(from: MemberId, body: Uint8Array): Message {
    const message = decodeMessage(body);
    if (message.to !== this.#options.id) throw malformed(`is a ${message.type} to ${hex(message.to)}`);
    if (message.from !== from && !forwarded.has(message.type))
      throw malformed(`is a ${message.type} of ${hex(message.from)} by ${hex(from)}`);
    return message;
  }
}

/** What a member passes on to its leader in the name of the one who said it. */
const forwarded: ReadonlySet<Message['type']> = new Set(['MsgProp', 'MsgReadIndex', 'MsgTransferLeader']);

const hex = (id: number): string => id.toString(16);
