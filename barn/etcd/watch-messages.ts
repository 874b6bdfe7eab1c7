// etcd's Watch service by field number (https://etcd.io/docs/v3.4/dev-guide/api_reference_v3/, rpc.proto).
import { decodeHeader, decodeKeyValue, type EtcdKeyValue } from './kv-messages.ts';
import { MessageWriter, readMessage, readText, readWhole } from './wire.ts';

/** WatchCreateRequest: everything on [key, end) from `startRevision` on. */
export interface EtcdWatch {
  readonly key: string;
  readonly end: string;
  readonly startRevision: number;
  /** Answers beyond the server's request limit come in pieces. */
  readonly fragment: boolean;
  readonly prevValue: boolean;
}

/** mvccpb.Event. */
export interface EtcdEvent {
  readonly type: 'put' | 'delete';
  readonly kv: EtcdKeyValue;
  readonly prev: EtcdKeyValue | undefined;
}

/** WatchResponse. */
export interface EtcdWatchResponse {
  readonly revision: number;
  readonly created: boolean;
  readonly canceled: boolean;
  /** Not 0: the watch asked for less than is left. */
  readonly compactRevision: number;
  readonly cancelReason: string;
  /** More of this answer follows, perhaps of the same revision. */
  readonly fragment: boolean;
  readonly events: readonly EtcdEvent[];
}

const deleteType = 1;

/** WatchRequest with a create_request. */
export function encodeWatch(watch: EtcdWatch): Buffer {
  return new MessageWriter()
    .message(1, (create) =>
      create
        .text(1, watch.key)
        .text(2, watch.end)
        .whole(3, watch.startRevision)
        .flag(6, watch.prevValue)
        .flag(8, watch.fragment),
    )
    .finish();
}

/** WatchResponse; values share memory with `bytes`. */
export function decodeWatchResponse(bytes: Uint8Array): EtcdWatchResponse {
  let revision = 0;
  let created = false;
  let canceled = false;
  let compactRevision = 0;
  let cancelReason = '';
  let fragment = false;
  const events: EtcdEvent[] = [];
  readMessage(bytes, (field, reader) => {
    if (field === 1) revision = decodeHeader(reader.bytes()).revision;
    else if (field === 3) created = reader.bool();
    else if (field === 4) canceled = reader.bool();
    else if (field === 5) compactRevision = readWhole(reader);
    else if (field === 6) cancelReason = readText(reader);
    else if (field === 7) fragment = reader.bool();
    else if (field === 11) events.push(decodeEvent(reader.bytes()));
    else return false;
    return true;
  });
  return { revision, created, canceled, compactRevision, cancelReason, fragment, events };
}

function decodeEvent(bytes: Uint8Array): EtcdEvent {
  let isDelete = false;
  let kv: EtcdKeyValue | undefined;
  let prev: EtcdKeyValue | undefined;
  readMessage(bytes, (field, reader) => {
    if (field === 1) isDelete = reader.int32() === deleteType;
    else if (field === 2) kv = decodeKeyValue(reader.bytes());
    else if (field === 3) prev = decodeKeyValue(reader.bytes());
    else return false;
    return true;
  });
  if (kv === undefined) throw new Error('an event without a key');
  return { type: isDelete ? 'delete' : 'put', kv, prev };
}
