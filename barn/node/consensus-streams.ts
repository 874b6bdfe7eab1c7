import type { Log } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import type { Message, Snapshot } from '../raft/protocol.ts';
import type { MemberRecord } from '../state/machine.ts';
import type { Transport } from '../transport/transport.ts';
import { ChunkInlet, ChunkOutlet } from './chunk-stream.ts';
import type { StreamBegin, StreamFrame } from './port.ts';

/** Snapshots made for others at a time; for one more the core tries again later. */
const sendingMax = 2;

interface Sending {
  readonly inlet: ChunkInlet;
  readonly made: (meta: Snapshot) => void;
  readonly failed: (error: Error) => void;
}

interface Installing {
  readonly outlet: ChunkOutlet;
  readonly installed: (result: Installed) => void;
  readonly failed: (error: Error) => void;
}

/** What the state side says once a snapshot took the place of its state. */
export interface Installed {
  readonly meta: Snapshot;
  readonly members: readonly MemberRecord[];
}

/** Snapshots at the consensus side: between the state side's port and the peers. */
export class ConsensusStreams {
  readonly #begin: (begin: StreamBegin) => void;
  readonly #frame: (frame: StreamFrame, transfer?: readonly ArrayBuffer[]) => void;
  readonly #log: Log;
  readonly #sending = new Map<number, Sending>();
  #installing: (Installing & { readonly stream: number }) | undefined;
  #count = 0;
  sent = 0;
  received = 0;

  constructor(options: {
    readonly begin: (begin: StreamBegin) => void;
    readonly frame: (frame: StreamFrame, transfer?: readonly ArrayBuffer[]) => void;
    readonly log: Log;
  }) {
    this.#begin = options.begin;
    this.#frame = options.frame;
    this.#log = options.log;
  }

  /** Sends the state as it is now in place of what the core named. Resolves whether all of it arrived. */
  async send(message: Message, transport: Transport): Promise<boolean> {
    if (this.#sending.size >= sendingMax) return false;
    const stream = ++this.#count;
    const inlet = new ChunkInlet(stream, (frame) => this.#frame(frame));
    const made = new Promise<Snapshot>((resolve, reject) => {
      this.#sending.set(stream, { inlet, made: resolve, failed: reject });
    });
    this.#begin({ stream, kind: 'make' });
    try {
      const snapshot = await made;
      await transport.sendSnapshot({ message: { ...message, snapshot }, chunks: inlet });
      this.sent++;
      return true;
    } catch (error) {
      this.#log.warn('snapshot not sent', { to: message.to, error: String(error) });
      await inlet.return();
      return false;
    } finally {
      this.#sending.delete(stream);
    }
  }

  /** Hands an arriving snapshot to the state side; resolves when it was installed. Errors: Overloaded for a second one. */
  async install(chunks: AsyncIterable<Uint8Array>): Promise<Installed> {
    if (this.#installing !== undefined) throw new BarnError('Overloaded', 'a snapshot is being installed already');
    const stream = ++this.#count;
    const outlet = new ChunkOutlet(stream, (frame, transfer) => this.#frame(frame, transfer));
    const installed = new Promise<Installed>((resolve, reject) => {
      this.#installing = { stream, outlet, installed: resolve, failed: reject };
    });
    this.#begin({ stream, kind: 'install' });
    try {
      const [result] = await Promise.all([installed, outlet.pump(chunks)]);
      this.received++;
      return result;
    } finally {
      this.#installing = undefined;
    }
  }

  frame(frame: StreamFrame): void {
    const sending = this.#sending.get(frame.stream);
    const installing = this.#installing?.stream === frame.stream ? this.#installing : undefined;
    switch (frame.kind) {
      case 'made':
        return sending?.made(frame.meta);
      case 'installed':
        return installing?.installed({ meta: frame.meta, members: frame.members });
      case 'chunk':
        return sending?.inlet.push(frame.chunk);
      case 'end':
        return sending?.inlet.end();
      case 'credit':
        return installing?.outlet.credit(frame.count);
      default:
        sending?.failed(new Error(frame.message));
        sending?.inlet.break(frame.message);
        installing?.outlet.break(frame.message);
        installing?.failed(new Error(frame.message));
    }
  }
}
