import type { MemberId, Message } from '../raft/protocol.ts';
import { ByteReader, malformed } from './byte-reader.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { TransportError } from './error.ts';
import { frameKinds } from './frames.ts';
import { readRefusal, writeRefusal } from './hello.ts';
import type { TransportLimits } from './limits.ts';
import type { Link } from './link.ts';
import type { TransportEvents } from './transport.ts';

/**
 * Takes in the one snapshot that comes over a link: its chunks go to `onSnapshot` as fast as that takes them, and what came
 * of it is answered. The link ends with it.
 */
export function receiveSnapshot(
  link: Link,
  from: MemberId,
  options: {
    readonly limits: TransportLimits;
    readonly onSnapshot: TransportEvents['onSnapshot'];
    /** The message that announces it. Throws TransportError Malformed. */
    readonly read: (body: Uint8Array) => Message;
    readonly onEnd: () => void;
  },
): void {
  let queue: ChunkQueue | undefined;
  link.listen({
    onFrame(kind, body) {
      if (kind === frameKinds.snapshot && queue === undefined) {
        queue = begin(options.read(body));
        return;
      }
      if (queue === undefined) throw malformed(`begins a snapshot with a frame of kind ${kind}`);
      if (kind === frameKinds.chunk) queue.add(body);
      else if (kind === frameKinds.end) queue.finish(new ByteReader(body).number());
      else if (kind === frameKinds.abort)
        link.end(new TransportError('Unreachable', `the sender gave the snapshot up: ${readRefusal(body)}`), true);
      else throw malformed(`goes on in a snapshot with a frame of kind ${kind}`);
    },
    onClosed(error) {
      queue?.fail(error);
      options.onEnd();
    },
  });

  function begin(message: Message): ChunkQueue {
    const incoming = new ChunkQueue(options.limits.snapshotBytesMax, {
      pause: () => link.pause(),
      resume: () => link.resume(),
    });
    take(message, incoming).then(
      () => answer(frameKinds.taken),
      (error: unknown) => answer(frameKinds.refused, error instanceof Error ? error.message : String(error)),
    );
    return incoming;
  }

  async function take(message: Message, incoming: ChunkQueue): Promise<void> {
    await options.onSnapshot(from, message, incoming);
    // Who takes a snapshot may know its end from its content, and leave before ours.
    await incoming.discard();
  }

  function answer(kind: number, why?: string): void {
    if (!link.isOpen) return;
    link.frame(kind, (writer) => why !== undefined && writeRefusal(writer, why));
    link.push();
    link.end(new TransportError('Closed', 'the snapshot was answered'), true);
  }
}
