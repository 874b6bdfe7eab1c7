import { Batch, batchRecordsMax, type Origin, type Source } from '../flow/batch.ts';
import type { ByteReader } from '../flow/byte-reader.ts';
import { decodeEdgeHeader, type EdgeHeader, edgeHeaderBytes, edgeKind } from '../flow/edge-frames.ts';
import { Window } from '../flow/window.ts';
import { SliceError } from '../slice-error.ts';
import type { SourceContext } from './lines.ts';

/** Longest payload of one frame: a chunk, or one record that is longer than a chunk. */
const frameBytesMax = 1024 * 1024 * 1024;

/**
 * The framed edge from another slice. Its records were checked there and are not scanned again. An edge that ends without
 * its end frame means that the other slice failed.
 */
export class EdgeSource implements Source {
  readonly #window: Window;
  readonly #batch: Batch;
  readonly #context: SourceContext;
  readonly #name: string;
  #sequence = 0;
  #payloadOffset = 0;
  #ended = false;

  constructor(reader: ByteReader, origin: Origin, context: SourceContext) {
    this.#window = new Window(reader, context.counters, frameBytesMax);
    this.#batch = new Batch(origin);
    this.#context = context;
    this.#name = origin.name;
  }

  async next(): Promise<Batch | undefined> {
    while (!this.#ended) {
      const header = await this.#header();
      await this.#need(edgeHeaderBytes + header.length);
      const payload = this.#window.from + edgeHeaderBytes;
      switch (header.kind) {
        case edgeKind.data:
          this.#take(payload, header);
          this.#window.consume(payload + header.length);
          if (this.#batch.count > 0) return this.#batch;
          break;
        case edgeKind.end:
          this.#ended = true;
          break;
        case edgeKind.error:
          throw this.#failed(this.#window.buffer.toString('utf8', payload, payload + header.length));
        case edgeKind.watermark:
        case edgeKind.idle:
        case edgeKind.barrier:
          this.#window.consume(payload + header.length);
          break;
        default:
          throw this.#failed(`a frame of unknown kind ${header.kind}`);
      }
    }
    return undefined;
  }

  close(): Promise<void> {
    return this.#window.close();
  }

  async #header(): Promise<EdgeHeader> {
    await this.#need(edgeHeaderBytes);
    const header = decodeEdgeHeader(this.#window.buffer, this.#window.from);
    if (header.sequence !== this.#sequence)
      throw this.#failed(`frame ${header.sequence} where ${this.#sequence} was due`);
    if (header.count > batchRecordsMax || header.length > frameBytesMax)
      throw this.#failed(`a frame of ${header.count} records and ${header.length} bytes`);
    this.#sequence++;
    return header;
  }

  async #need(bytes: number): Promise<void> {
    while (this.#window.to - this.#window.from < bytes)
      if (!(await this.#window.fill())) throw this.#failed('it closed before its end: the step that writes it failed');
  }

  #take(payload: number, header: EdgeHeader): void {
    const { buffer } = this.#window;
    this.#batch.reset(buffer);
    const end = payload + header.length;
    let from = payload;
    while (from < end) {
      const line = buffer.indexOf(0x0a, from);
      if (line === -1 || line >= end || this.#batch.full)
        throw this.#failed('a frame that does not hold whole records');
      this.#batch.add(from, line, this.#payloadOffset + from - payload);
      from = line + 1;
    }
    if (this.#batch.count !== header.count)
      throw this.#failed(`a frame of ${this.#batch.count} records that says ${header.count}`);
    this.#payloadOffset += header.length;
    this.#context.counters.recordsIn += header.count;
  }

  #failed(what: string): SliceError {
    return new SliceError('UpstreamFailed', `input ${this.#name}: ${what}`);
  }
}
