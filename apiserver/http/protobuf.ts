// Bodies in Kubernetes' protobuf, for the kinds that kubectl's own commands send so (since 1.32, without asking whether
// the server takes it): the envelope and those messages by field number
// (https://github.com/kubernetes/api, */generated.proto). Answers are always JSON.
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { ApiError } from '../../apis/index.ts';
import { type JsonRecord, textOf } from '../json.ts';

/** The media type of such bodies. */
export const protobufMediaType = 'application/vnd.kubernetes.protobuf';

type FieldType = 'string' | 'int' | 'bool' | 'bytes' | 'time' | 'texts' | 'bytesMap' | 'textMap' | 'textsMap' | Message;
interface Message {
  readonly [field: number]: readonly [name: string, type: FieldType, repeated?: 'repeated'];
}

const ownerReference: Message = {
  1: ['kind', 'string'],
  3: ['name', 'string'],
  4: ['uid', 'string'],
  5: ['apiVersion', 'string'],
  6: ['controller', 'bool'],
  7: ['blockOwnerDeletion', 'bool'],
};
const objectMeta: Message = {
  1: ['name', 'string'],
  2: ['generateName', 'string'],
  3: ['namespace', 'string'],
  5: ['uid', 'string'],
  6: ['resourceVersion', 'string'],
  7: ['generation', 'int'],
  8: ['creationTimestamp', 'time'],
  11: ['labels', 'textMap'],
  12: ['annotations', 'textMap'],
  13: ['ownerReferences', ownerReference, 'repeated'],
  14: ['finalizers', 'texts'],
};
const deleteOptions: Message = {
  1: ['gracePeriodSeconds', 'int'],
  2: ['preconditions', { 1: ['uid', 'string'], 2: ['resourceVersion', 'string'] }],
  3: ['orphanDependents', 'bool'],
  4: ['propagationPolicy', 'string'],
  5: ['dryRun', 'texts'],
};
const requirement: Message = { 1: ['key', 'string'], 2: ['operator', 'string'], 3: ['values', 'texts'] };
const selector: Message = { 1: ['rawSelector', 'string'], 2: ['requirements', requirement, 'repeated'] };
const access: Message = {
  1: [
    'resourceAttributes',
    {
      1: ['namespace', 'string'],
      2: ['verb', 'string'],
      3: ['group', 'string'],
      4: ['version', 'string'],
      5: ['resource', 'string'],
      6: ['subresource', 'string'],
      7: ['name', 'string'],
      8: ['fieldSelector', selector],
      9: ['labelSelector', selector],
    },
  ],
  2: ['nonResourceAttributes', { 1: ['path', 'string'], 2: ['verb', 'string'] }],
};
const accessOfSubject: Message = {
  ...access,
  3: ['user', 'string'],
  4: ['groups', 'texts'],
  5: ['extra', 'textsMap'],
  6: ['uid', 'string'],
};
const review = (spec: Message): Message => ({ 1: ['metadata', objectMeta], 2: ['spec', spec] });
const messages: Readonly<Record<string, Message>> = {
  'v1 Namespace': { 1: ['metadata', objectMeta], 2: ['spec', { 1: ['finalizers', 'texts'] }] },
  'v1 Secret': {
    1: ['metadata', objectMeta],
    2: ['data', 'bytesMap'],
    3: ['type', 'string'],
    4: ['stringData', 'textMap'],
    5: ['immutable', 'bool'],
  },
  'v1 ServiceAccount': { 1: ['metadata', objectMeta], 4: ['automountServiceAccountToken', 'bool'] },
  'v1 DeleteOptions': deleteOptions,
  'policy/v1 Eviction': { 1: ['metadata', objectMeta], 2: ['deleteOptions', deleteOptions] },
  'authentication.k8s.io/v1 SelfSubjectReview': { 1: ['metadata', objectMeta] },
  'authentication.k8s.io/v1 TokenReview': review({ 1: ['token', 'string'], 2: ['audiences', 'texts'] }),
  'authorization.k8s.io/v1 LocalSubjectAccessReview': review(accessOfSubject),
  'authorization.k8s.io/v1 SelfSubjectAccessReview': review(access),
  'authorization.k8s.io/v1 SelfSubjectRulesReview': review({ 1: ['namespace', 'string'] }),
  'authorization.k8s.io/v1 SubjectAccessReview': review(accessOfSubject),
};

/** What such bodies begin with. */
export const protobufMagic = Buffer.from('k8s\0');

/** The object in a protobuf body. Errors: BadRequest (broken), UnsupportedMediaType (a kind we take in JSON only). */
export function decodeProtobuf(bytes: Uint8Array): JsonRecord {
  if (!protobufMagic.equals(bytes.subarray(0, protobufMagic.length))) throw broken('it does not begin with k8s\\0');
  try {
    const envelope = decode(
      { 1: ['type', { 1: ['apiVersion', 'string'], 2: ['kind', 'string'] }], 2: ['raw', 'bytes'] },
      bytes.subarray(protobufMagic.length),
      0,
    );
    const type = asMap(envelope.type);
    const apiVersion = textOf(type.apiVersion) ?? '';
    const kind = textOf(type.kind) ?? '';
    // Delete options come under the group of what is deleted.
    const message = messages[kind === 'DeleteOptions' ? 'v1 DeleteOptions' : `${apiVersion} ${kind}`];
    if (message === undefined) {
      throw new ApiError('UnsupportedMediaType', `${apiVersion}, Kind=${kind} is taken as application/json only`);
    }
    const raw = typeof envelope.raw === 'string' ? Buffer.from(envelope.raw, 'base64') : new Uint8Array();
    return { apiVersion, kind, ...decode(message, raw, 0) };
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw broken(error instanceof Error ? error.message : String(error));
  }
}

const depthMax = 8;

function decode(message: Message, bytes: Uint8Array, depth: number): JsonRecord {
  if (depth > depthMax) throw new Error('nested too deep');
  const reader = new BinaryReader(bytes);
  const result: JsonRecord = {};
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = message[number];
    if (field === undefined) {
      reader.skip(wireType, number);
      continue;
    }
    const [name, type, repeated] = field;
    const value = valueOf(reader, wireType, type, depth);
    if (type === 'texts' || repeated !== undefined) result[name] = [...listIn(result, name), value];
    else if (type === 'textMap' || type === 'bytesMap' || type === 'textsMap')
      result[name] = { ...mapIn(result, name), ...asMap(value) };
    // Protobuf writes empty text for what was not set.
    else if (value !== '') result[name] = value;
  }
  return result;
}

function valueOf(reader: BinaryReader, wireType: WireType, type: FieldType, depth: number): unknown {
  const wanted = type === 'int' || type === 'bool' ? WireType.Varint : WireType.LengthDelimited;
  if (wireType !== wanted) throw new Error(`wire type ${wireType} where ${wanted} belongs`);
  switch (type) {
    case 'string':
    case 'texts':
      return reader.string();
    case 'int':
      return Number(reader.int64());
    case 'bool':
      return reader.bool();
    case 'bytes':
      return Buffer.from(reader.bytes()).toString('base64');
    case 'textMap':
      return pair(decode({ 1: ['key', 'string'], 2: ['value', 'string'] }, reader.bytes(), depth + 1));
    case 'bytesMap':
      return pair(decode({ 1: ['key', 'string'], 2: ['value', 'bytes'] }, reader.bytes(), depth + 1));
    case 'textsMap': {
      const { key, value } = decode({ 1: ['key', 'string'], 2: ['value', textItems] }, reader.bytes(), depth + 1);
      return pair({ key, value: listIn(asMap(value), 'items') });
    }
    case 'time': {
      const { seconds } = decode({ 1: ['seconds', 'int'] }, reader.bytes(), depth + 1);
      return typeof seconds === 'number' ? new Date(seconds * 1000).toISOString().replace('.000Z', 'Z') : '';
    }
    default:
      return decode(type, reader.bytes(), depth + 1);
  }
}

const textItems: Message = { 1: ['items', 'texts'] };
const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype']);

function pair({ key, value }: JsonRecord): JsonRecord {
  const name = typeof key === 'string' ? key : '';
  if (forbiddenKeys.has(name)) throw new Error(`the field name "${name}" is not allowed`);
  return { [name]: value ?? '' };
}

function listIn(record: JsonRecord, name: string): readonly unknown[] {
  const value = record[name];
  return Array.isArray(value) ? value : [];
}

function mapIn(record: JsonRecord, name: string): JsonRecord {
  return asMap(record[name]);
}

function asMap(value: unknown): JsonRecord {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function broken(why: string): ApiError {
  return new ApiError('BadRequest', `the protobuf body cannot be read: ${why}`);
}
