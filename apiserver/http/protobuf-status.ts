// A Status in Kubernetes' protobuf, for clients that take nothing else: all that they are ever answered is why not.
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { Status, StatusDetails } from '../../apis/index.ts';
import { protobufMagic, protobufMediaType } from './protobuf.ts';

type Write = (writer: BinaryWriter) => void;

/** Whether an Accept header leaves no other form than protobuf. */
export function takesOnlyProtobuf(accept: string | undefined): boolean {
  const types = (accept ?? '').split(',').map((range) => range.split(';')[0]?.trim().toLowerCase());
  return types.every((type) => type === protobufMediaType);
}

/** The bytes, envelope included. */
export function encodeStatus(status: Status): Uint8Array {
  const outer = new BinaryWriter();
  message(outer, 1, (type) => {
    text(type, 1, status.apiVersion);
    text(type, 2, status.kind);
  });
  message(outer, 2, (raw) => {
    // The metadata of a list: three texts that nothing here sets.
    message(raw, 1, (metadata) => [1, 2, 3].forEach((field) => text(metadata, field, '')));
    text(raw, 2, status.status);
    text(raw, 3, status.message ?? '');
    text(raw, 4, status.reason ?? '');
    const { details, code } = status;
    if (details !== undefined) message(raw, 5, (writer) => writeDetails(writer, details));
    raw.tag(6, 0).int32(code ?? 0);
  });
  text(outer, 3, '');
  text(outer, 4, '');
  return Buffer.concat([protobufMagic, outer.finish()]);
}

function writeDetails(writer: BinaryWriter, details: StatusDetails): void {
  const { name = '', group = '', kind = '', causes = [], retryAfterSeconds = 0, uid = '' } = details;
  text(writer, 1, name);
  text(writer, 2, group);
  text(writer, 3, kind);
  for (const cause of causes)
    message(writer, 4, (one) => {
      text(one, 1, cause.reason);
      text(one, 2, cause.message);
      text(one, 3, cause.field);
    });
  writer.tag(5, 0).int32(retryAfterSeconds);
  text(writer, 6, uid);
}

function message(writer: BinaryWriter, field: number, write: Write): void {
  writer.tag(field, 2).fork();
  write(writer);
  writer.join();
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, 2).string(value);
}
