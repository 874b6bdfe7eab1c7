import type { IncomingMessage } from 'node:http';
import { ApiError } from '../../apis/index.ts';

/**
 * How much of a body that is too large is read all the same, for nothing: a connection that is closed while the client
 * still sends takes the answer with it, and the client would see a broken connection and not why.
 */
const drainedBytesMax = 64 * 1024 * 1024;

// A request may be done a second time, by a definition that changed meanwhile; its body came once.
const bodies = new WeakMap<IncomingMessage, Buffer>();

/** A request's body, whole. Errors: RequestEntityTooLarge; the connection is then closed after the answer. */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const there = bodies.get(request);
  if (there !== undefined) return there;
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > drainedBytesMax) throw tooLarge(bytesMax);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > drainedBytesMax) throw tooLarge(bytesMax);
    if (size > bytesMax) chunks.length = 0;
    else chunks.push(chunk);
  }
  if (size > bytesMax) throw tooLarge(bytesMax);
  const body = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  bodies.set(request, body);
  return body;
}

function tooLarge(bytesMax: number): ApiError {
  return new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${bytesMax}`);
}
