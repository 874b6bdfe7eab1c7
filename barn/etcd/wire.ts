// Protobuf messages by field number, written and read with @bufbuild's wire format.
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** Writes the fields of one message. Fields with their default value are left out, as proto3 does. */
export class MessageWriter {
  readonly #writer = new BinaryWriter();

  /** An int64, uint64, int32 or enum field. */
  whole(field: number, value: number): this {
    if (value !== 0) this.#writer.tag(field, WireType.Varint).int64(value);
    return this;
  }

  flag(field: number, value: boolean | undefined): this {
    if (value === true) this.#writer.tag(field, WireType.Varint).bool(true);
    return this;
  }

  /** A bytes field; nobody may change `value` before `finish`. */
  bytes(field: number, value: Uint8Array): this {
    if (value.byteLength > 0) this.#writer.tag(field, WireType.LengthDelimited).bytes(value);
    return this;
  }

  /** A bytes field of single-byte characters. */
  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value, 'latin1'));
  }

  /** An embedded message, also an empty one; `write` fills it before this returns. */
  message(field: number, write: (inner: MessageWriter) => void): this {
    this.#writer.tag(field, WireType.LengthDelimited).fork();
    write(this);
    this.#writer.join();
    return this;
  }

  /** The message, in memory of its own. */
  finish(): Buffer {
    const bytes = this.#writer.finish();
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

/** Reads a message: `visit` is given every field and takes its value off the reader, or returns false to have it skipped. */
export function readMessage(bytes: Uint8Array, visit: (field: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    const before = reader.pos;
    if (!visit(field, reader)) {
      reader.pos = before;
      reader.skip(wireType, field);
    }
  }
}

/** An int64 field that counts: revisions, versions, sizes. Beyond 2^53 it is an Error. */
export function readWhole(reader: BinaryReader): number {
  const value = Number(reader.int64());
  if (!Number.isSafeInteger(value)) throw new Error(`a count of ${value} is beyond what can be counted`);
  return value;
}

/** A bytes field of single-byte characters. */
export function readText(reader: BinaryReader): string {
  const bytes = reader.bytes();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

export type { BinaryReader };
