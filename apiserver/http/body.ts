import type { IncomingMessage } from 'node:http';
import { ApiError } from '../../apis/index.ts';

/** A request's body, whole. Errors: RequestEntityTooLarge; the connection is then closed after the answer. */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > bytesMax) throw tooLarge(bytesMax);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

function tooLarge(bytesMax: number): ApiError {
  return new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${bytesMax}`);
}
