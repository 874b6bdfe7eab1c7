// etcd's Maintenance and Cluster services by field number (https://etcd.io/docs/v3.4/dev-guide/api_reference_v3/,
// rpc.proto). Members' numbers have 64 bits.
import { decodeHeader } from './kv-messages.ts';
import { MessageWriter, readMessage, readText, readWhole } from './wire.ts';

/** StatusResponse. */
export interface EtcdStatus {
  readonly member: bigint;
  readonly revision: number;
  readonly sizeBytes: number;
  /** 0 when there is none. */
  readonly leader: bigint;
  readonly raftIndex: number;
  readonly raftTerm: number;
  readonly raftAppliedIndex: number;
  readonly isLearner: boolean;
}

/** Member. */
export interface EtcdMember {
  readonly id: bigint;
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

/** AlarmMember. */
export interface EtcdAlarm {
  readonly member: bigint;
  readonly kind: 'NOSPACE' | 'CORRUPT';
}

/** AlarmType. */
const alarmKinds: Readonly<Record<number, 'NOSPACE' | 'CORRUPT'>> = { 1: 'NOSPACE', 2: 'CORRUPT' };

/** StatusRequest, MemberListRequest, and AlarmRequest with the action GET: all of them empty. */
export const emptyRequest = new MessageWriter().finish();

/** StatusResponse. */
export function decodeStatus(bytes: Uint8Array): EtcdStatus {
  let header = { member: 0n, revision: 0 };
  let sizeBytes = 0;
  let leader = 0n;
  let raftIndex = 0;
  let raftTerm = 0;
  let raftAppliedIndex = 0;
  let isLearner = false;
  readMessage(bytes, (field, reader) => {
    if (field === 1) header = decodeHeader(reader.bytes());
    else if (field === 3) sizeBytes = readWhole(reader);
    else if (field === 4) leader = BigInt(reader.uint64());
    else if (field === 5) raftIndex = readWhole(reader);
    else if (field === 6) raftTerm = readWhole(reader);
    else if (field === 7) raftAppliedIndex = readWhole(reader);
    else if (field === 10) isLearner = reader.bool();
    else return false;
    return true;
  });
  return { ...header, sizeBytes, leader, raftIndex, raftTerm, raftAppliedIndex, isLearner };
}

/** MemberListResponse. */
export function decodeMembers(bytes: Uint8Array): readonly EtcdMember[] {
  const members: EtcdMember[] = [];
  readMessage(bytes, (field, reader) => {
    if (field !== 2) return false;
    members.push(decodeMember(reader.bytes()));
    return true;
  });
  return members;
}

/** AlarmResponse. */
export function decodeAlarms(bytes: Uint8Array): readonly EtcdAlarm[] {
  const alarms: EtcdAlarm[] = [];
  readMessage(bytes, (field, reader) => {
    if (field !== 2) return false;
    let member = 0n;
    let kind: EtcdAlarm['kind'] | undefined;
    readMessage(reader.bytes(), (inner, innerReader) => {
      if (inner === 1) member = BigInt(innerReader.uint64());
      else if (inner === 2) kind = alarmKinds[innerReader.int32()];
      else return false;
      return true;
    });
    if (kind !== undefined) alarms.push({ member, kind });
    return true;
  });
  return alarms;
}

function decodeMember(bytes: Uint8Array): EtcdMember {
  let id = 0n;
  let name = '';
  let isLearner = false;
  const peerUrls: string[] = [];
  const clientUrls: string[] = [];
  readMessage(bytes, (field, reader) => {
    if (field === 1) id = BigInt(reader.uint64());
    else if (field === 2) name = readText(reader);
    else if (field === 3) peerUrls.push(readText(reader));
    else if (field === 4) clientUrls.push(readText(reader));
    else if (field === 5) isLearner = reader.bool();
    else return false;
    return true;
  });
  return { id, name, peerUrls, clientUrls, isLearner };
}
