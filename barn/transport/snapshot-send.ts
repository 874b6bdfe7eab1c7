import { type Clock, sleep } from '../../base/index.ts';
import { ByteReader, malformed } from './byte-reader.ts';
import { writeMessage } from './codec.ts';
import { TransportError } from './error.ts';
import { frameKinds } from './frames.ts';
import { readRefusal, writeRefusal } from './hello.ts';
import type { TransportLimits } from './limits.ts';
import type { Link } from './link.ts';
import type { SnapshotSend } from './transport.ts';

/**
 * Streams a snapshot over a link of its own and waits for the answer; the link has ended when it settles, and the chunks
 * were read to their end or given up. Errors: Refused, Unreachable, Malformed; or what reading the chunks threw.
 */
export async function streamSnapshot(
  link: Link,
  { message, chunks }: SnapshotSend,
  limits: TransportLimits,
  clock: Clock,
): Promise<void> {
  const answer = answered(link);
  // Looked at on the way, and awaited in the end.
  answer.promise.catch(() => undefined);
  try {
    link.frame(frameKinds.snapshot, (writer) => writeMessage(writer, message));
    await sendChunks(link, chunks, limits.chunkBytesMax, async () => {
      // A socket that takes everything at once would never let the loop turn, and heartbeats wait.
      await sleep(clock, 0);
      await answer.room();
    });
    await answer.promise;
    link.end(new TransportError('Closed', 'the snapshot was taken'), true);
  } catch (error) {
    const isAnswered = answer.isSettled();
    if (link.isOpen) {
      const why = error instanceof Error ? error.message : String(error);
      link.frame(frameKinds.abort, (writer) => writeRefusal(writer, why));
      link.push();
      link.end(new TransportError('Closed', 'the snapshot was given up'), true);
    }
    // The peer's refusal explains more than the chunks that could not be sent any more.
    if (isAnswered) await answer.promise;
    throw error;
  }
}

async function sendChunks(
  link: Link,
  chunks: AsyncIterable<Uint8Array>,
  chunkBytesMax: number,
  room: () => Promise<void>,
): Promise<void> {
  let bytes = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength; at += chunkBytesMax) {
      const piece = chunk.subarray(at, at + chunkBytesMax);
      link.frame(frameKinds.chunk, (writer) => writer.raw(piece));
      link.push();
      await room();
    }
    bytes += chunk.byteLength;
  }
  link.frame(frameKinds.end, (writer) => writer.number(bytes));
  link.push();
}

/** The peer's answer, and how to wait for room in the socket; both reject when the link ends. */
function answered(link: Link): { promise: Promise<void>; room: () => Promise<void>; isSettled: () => boolean } {
  let isSettled = false;
  let onRoom: (() => void) | undefined;
  const promise = new Promise<void>((resolve, reject) => {
    const settle = (error?: TransportError): void => {
      isSettled = true;
      if (error === undefined) resolve();
      else reject(error);
      onRoom?.();
    };
    if (!link.isOpen) settle(new TransportError('Unreachable', 'the connection broke at once'));
    link.listen({
      onFrame(kind, body) {
        if (kind === frameKinds.taken) new ByteReader(body).end();
        else if (kind !== frameKinds.refused) throw malformed(`answers a snapshot with a frame of kind ${kind}`);
        settle(
          kind === frameKinds.taken
            ? undefined
            : new TransportError('Refused', `the snapshot was refused: ${readRefusal(body)}`),
        );
      },
      onRoom: () => onRoom?.(),
      onClosed: (error) => settle(error),
    });
  });
  async function room(): Promise<void> {
    while (link.isFull && !isSettled) await new Promise<void>((resolve) => (onRoom = resolve));
    if (isSettled) await promise;
  }
  return { promise, room, isSettled: () => isSettled };
}
