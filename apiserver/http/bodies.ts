// How bytes of answers go out: whole with their length when they are few, else piece by piece, so that a list of any size
// neither stands in memory twice nor holds up the loop; compressed for who takes gzip, as kube-apiserver does.
import type { ServerResponse } from 'node:http';
import { createGzip, type Gzip, gzip } from 'node:zlib';

/** YAML, as requests and answers name it. */
export const yamlMediaType = 'application/yaml';

/** Shorter answers are sent as they are. */
const gzipBytesMin = 128 * 1024;
const gzipOptions = { level: 1 } as const;
/** Pieces are gathered up to this. */
const chunkBytes = 64 * 1024;
/** The loop has its turn after so many milliseconds of encoding. */
const turnMsMax = 5;

/** Answers with bytes that are all there. */
export function sendWhole(response: ServerResponse, code: number, bytes: Buffer, type: string): void {
  if (!response.hasHeader('content-type')) response.setHeader('content-type', type);
  response.setHeader('cache-control', 'no-cache, private');
  if (bytes.length < gzipBytesMin || !takesGzip(response)) {
    response.writeHead(code, { 'content-length': bytes.length });
    response.end(bytes);
    return;
  }
  gzip(bytes, gzipOptions, (error, packed) => {
    // Without memory for the packing it goes out unpacked.
    const body = error === null ? packed : bytes;
    if (error === null) response.setHeader('content-encoding', 'gzip');
    response.writeHead(code, { 'content-length': body.length });
    response.end(body);
  });
}

/** Answers with pieces that are made as they are taken: what throws before the first chunk is full can still be refused. */
export async function sendPieces(
  response: ServerResponse,
  pieces: Iterable<Uint8Array>,
  type: string,
  nowMs: () => number,
): Promise<void> {
  const gathered = new Gathered();
  let body: Body | undefined;
  let sinceMs = nowMs();
  for (const piece of pieces) {
    gathered.add(piece);
    if (gathered.bytes < (body === undefined ? gzipBytesMin : chunkBytes)) continue;
    body ??= beginPieces(response, type);
    await body.write(gathered.take());
    if (response.destroyed) return;
    if (nowMs() - sinceMs < turnMsMax) continue;
    await new Promise((resolve) => setImmediate(resolve));
    sinceMs = nowMs();
  }
  if (body === undefined) return sendWhole(response, 200, gathered.take(), type);
  body.end(gathered.take());
}

/** Small pieces become one buffer. */
class Gathered {
  bytes = 0;
  #pieces: Uint8Array[] = [];

  add(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.bytes += piece.length;
  }

  take(): Buffer {
    const whole = Buffer.concat(this.#pieces, this.bytes);
    this.#pieces = [];
    this.bytes = 0;
    return whole;
  }
}

interface Body {
  /** Resolves when more may be written, or nobody is there any more. */
  write(chunk: Buffer): Promise<void>;
  end(chunk: Buffer): void;
}

function beginPieces(response: ServerResponse, type: string): Body {
  const packs = takesGzip(response);
  if (packs) response.setHeader('content-encoding', 'gzip');
  if (!response.hasHeader('content-type')) response.setHeader('content-type', type);
  response.writeHead(200, { 'cache-control': 'no-cache, private' });
  if (!packs) return { write: (chunk) => written(response, response, chunk), end: (chunk) => response.end(chunk) };
  const packer = createGzip(gzipOptions);
  packer.pipe(response);
  response.once('close', () => packer.destroy());
  return { write: (chunk) => written(packer, response, chunk), end: (chunk) => packer.end(chunk) };
}

function written(to: ServerResponse | Gzip, response: ServerResponse, chunk: Buffer): Promise<void> {
  if (response.destroyed || to.write(chunk)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      to.off('drain', done);
      response.off('close', done);
      resolve();
    };
    to.on('drain', done);
    response.on('close', done);
  });
}

function takesGzip(response: ServerResponse): boolean {
  const { req } = response;
  if (req.method !== 'GET') return false;
  response.appendHeader('vary', 'Accept-Encoding');
  const accepted = req.headers['accept-encoding'];
  return accepted !== undefined && /(?:^|[,\s])gzip(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/.test(String(accepted));
}
