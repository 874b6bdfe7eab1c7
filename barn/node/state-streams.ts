import type { Log } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import type { Snapshot } from '../raft/protocol.ts';
import type { StateMachine } from '../state/machine.ts';
import { ChunkInlet, ChunkOutlet } from './chunk-stream.ts';
import type { DiskRoom } from './disk-room.ts';
import type { Outbox } from './outbox.ts';
import type { StreamBegin, StreamFrame } from './port.ts';

/** Snapshots in chunks at the state side: made for members that lag, and taken in. */
export class StateStreams {
  readonly #machine: StateMachine;
  readonly #outbox: Outbox;
  readonly #disk: DiskRoom | undefined;
  readonly #log: Log;
  readonly #onInstalled: (meta: Snapshot) => void;
  readonly #onFailed: (error: BarnError) => void;
  readonly #outlets = new Map<number, { readonly outlet: ChunkOutlet; readonly abort: AbortController }>();
  readonly #inlets = new Map<number, ChunkInlet>();

  constructor(options: {
    readonly machine: StateMachine;
    readonly outbox: Outbox;
    readonly disk: DiskRoom | undefined;
    readonly log: Log;
    readonly onInstalled: (meta: Snapshot) => void;
    /** A snapshot cannot be installed and never will be: a newer version made it, or the disk refuses. */
    readonly onFailed: (error: BarnError) => void;
  }) {
    this.#machine = options.machine;
    this.#outbox = options.outbox;
    this.#disk = options.disk;
    this.#log = options.log;
    this.#onInstalled = options.onInstalled;
    this.#onFailed = options.onFailed;
  }

  begin({ stream, kind }: StreamBegin): void {
    // Both tell the other side of a failure, which then says what it means.
    if (kind === 'make') this.#make(stream).catch(() => {});
    else this.#install(stream).catch(() => {});
  }

  frame(frame: StreamFrame): void {
    const sending = this.#outlets.get(frame.stream);
    const inlet = this.#inlets.get(frame.stream);
    switch (frame.kind) {
      case 'credit':
        return sending?.outlet.credit(frame.count);
      case 'chunk':
        return inlet?.push(frame.chunk);
      case 'end':
        return inlet?.end();
      case 'broken':
        sending?.outlet.break(frame.message);
        sending?.abort.abort(new Error(frame.message));
        return inlet?.break(frame.message);
      default:
        return;
    }
  }

  /** Breaks all that is under way. */
  end(message: string): void {
    for (const { outlet, abort } of this.#outlets.values()) {
      outlet.break(message);
      abort.abort(new Error(message));
    }
    for (const inlet of this.#inlets.values()) inlet.break(message);
  }

  async #make(stream: number): Promise<void> {
    const abort = new AbortController();
    const outlet = new ChunkOutlet(stream, (frame, transfer) => this.#outbox.frame(frame, transfer));
    this.#outlets.set(stream, { outlet, abort });
    try {
      const { meta, chunks } = this.#machine.snapshot(abort.signal);
      this.#outbox.frame({ stream, kind: 'made', meta });
      await outlet.pump(chunks);
    } finally {
      this.#outlets.delete(stream);
    }
  }

  async #install(stream: number): Promise<void> {
    const inlet = new ChunkInlet(stream, (frame) => this.#outbox.frame(frame));
    this.#inlets.set(stream, inlet);
    try {
      const room = await this.#disk?.look();
      const meta = await this.#machine.install(inlet, room?.freeBytes);
      this.#onInstalled(meta);
      this.#outbox.frame({ stream, kind: 'installed', meta, members: this.#machine.members });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#log.error('snapshot not installed', { error: message });
      this.#outbox.frame({ stream, kind: 'broken', message });
      if (error instanceof BarnError && error.reason === 'Storage') this.#onFailed(error);
      throw error;
    } finally {
      this.#inlets.delete(stream);
    }
  }
}
