// The bytes of a command, which are the data of a normal entry. Numbers are varints (7 bits a byte, low ones first, up to 2^53 - 1).
//   format u8 | kind u8 | then, by kind:
//   txn      origin | compares | success | failure          each a count and so many items
//   compact  origin | revision
//   check    revision | hash
//   alarm    origin | alarm u8 | member | active u8
//   format   format
//   origin   session | request
//   compare  target and op u8 | key | number or value       operation   do u8 | key | value of a put
// A key or value is its length and its bytes.
import { unreachable } from '../../base/index.ts';
import { BarnError, type Compare, type Operation } from '../barn.ts';
import type { Alarm, Command, Origin } from './machine.ts';
import { VarintReader, VarintWriter, varintBytes } from './varints.ts';

/**
 * The newest format this build knows: it reads all up to it. It writes the group's (`StateMachine.format`), which all members
 * know. A build that reads a command otherwise, or knows one more kind, raises this number and writes the new only in it.
 */
export const commandFormatMax = 1;

/** The format that a group begins with. */
export const commandFormatFirst = 1;

/** Throws Storage when `what` has a command format that this build does not know: a newer one wrote it. */
export function checkCommandFormat(format: number, what: string): void {
  if (format <= commandFormatMax) return;
  throw new BarnError(
    'Storage',
    `${what} has command format ${format}, and this version of Runink knows up to ${commandFormatMax}: start the newer version here`,
  );
}

const kinds = ['txn', 'compact', 'check', 'alarm', 'format'] as const;
const operations = ['get', 'put', 'delete'] as const;
const targets = ['version', 'create', 'mod', 'value'] as const;
const operators = ['=', '!=', '<', '>'] as const;
const alarms: readonly Alarm['kind'][] = ['NOSPACE', 'CORRUPT'];

/** The bytes of a command in a format, in memory of their own. */
export function encodeCommand(command: Command, format: number): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(commandBytes(command));
  writeCommand(command, format, bytes, 0);
  return bytes;
}

/** How many bytes `writeCommand` writes. */
export function commandBytes(command: Command): number {
  switch (command.kind) {
    case 'txn': {
      let bytes = 2 + originBytes(command.origin) + varintBytes(command.compares.length);
      for (const compare of command.compares) bytes += compareBytes(compare);
      return bytes + branchBytes(command.success) + branchBytes(command.failure);
    }
    case 'compact':
      return 2 + originBytes(command.origin) + varintBytes(command.revision);
    case 'check':
      return 2 + varintBytes(command.revision) + varintBytes(command.hash);
    case 'alarm':
      return 2 + originBytes(command.origin) + 1 + varintBytes(command.alarm.member) + 1;
    case 'format':
      return 2 + varintBytes(command.format);
    default:
      return unreachable(command);
  }
}

/** Writes a command at `at`, for those who put many into one buffer; returns where it ends. */
export function writeCommand(command: Command, format: number, into: Buffer, at: number): number {
  const writer = new VarintWriter(into, at);
  writer.byte(format);
  writer.byte(kinds.indexOf(command.kind));
  switch (command.kind) {
    case 'txn':
      writeOrigin(writer, command.origin);
      writer.number(command.compares.length);
      for (const compare of command.compares) writeCompare(writer, compare);
      writeBranch(writer, command.success);
      writeBranch(writer, command.failure);
      break;
    case 'compact':
      writeOrigin(writer, command.origin);
      writer.number(command.revision);
      break;
    case 'check':
      writer.number(command.revision);
      writer.number(command.hash);
      break;
    case 'alarm':
      writeOrigin(writer, command.origin);
      writer.byte(alarms.indexOf(command.alarm.kind));
      writer.number(command.alarm.member);
      writer.byte(command.active ? 1 : 0);
      break;
    case 'format':
      writer.number(command.format);
      break;
    default:
      return unreachable(command);
  }
  return writer.at;
}

/** Reads a command; its values share memory with `bytes`. Errors: Corrupt; Storage when a newer build wrote it. */
export function decodeCommand(bytes: Uint8Array): Command {
  const reader = new VarintReader(bytes, 'command');
  const format = reader.byte();
  checkCommandFormat(format, 'it');
  if (format === 0) throw reader.corrupt('its format is 0');
  const command = readBody(reader, choice(reader, kinds));
  reader.end();
  return command;
}

function readBody(reader: VarintReader, kind: Command['kind']): Command {
  switch (kind) {
    case 'txn':
      return {
        kind,
        origin: readOrigin(reader),
        compares: readList(reader, readCompare),
        success: readList(reader, readOperation),
        failure: readList(reader, readOperation),
      };
    case 'compact':
      return { kind, origin: readOrigin(reader), revision: reader.number() };
    case 'check':
      return { kind, revision: reader.number(), hash: reader.number() };
    case 'alarm': {
      const origin = readOrigin(reader);
      const alarm = { kind: choice(reader, alarms), member: reader.number() };
      return { kind, origin, alarm, active: choice(reader, [false, true]) };
    }
    case 'format':
      return { kind, format: reader.number() };
    default:
      return unreachable(kind);
  }
}

function originBytes({ session, request }: Origin): number {
  return varintBytes(session) + varintBytes(request);
}

function writeOrigin(writer: VarintWriter, { session, request }: Origin): void {
  writer.number(session);
  writer.number(request);
}

function readOrigin(reader: VarintReader): Origin {
  return { session: reader.number(), request: reader.number() };
}

function compareBytes(compare: Compare): number {
  const operand = compare.target === 'value' ? blobBytes(compare.value.byteLength) : varintBytes(compare.number);
  return 1 + blobBytes(compare.key.length) + operand;
}

function writeCompare(writer: VarintWriter, compare: Compare): void {
  writer.byte(targets.indexOf(compare.target) * operators.length + operators.indexOf(compare.op));
  writer.text(compare.key);
  if (compare.target === 'value') writer.blob(compare.value);
  else writer.number(compare.number);
}

function readCompare(reader: VarintReader): Compare {
  const code = reader.byte();
  const target = targets[Math.floor(code / operators.length)];
  const op = operators[code % operators.length];
  if (target === undefined || op === undefined) throw reader.corrupt(`there is no comparison ${code}`);
  const key = reader.text();
  if (target !== 'value') return { target, key, op, number: reader.number() };
  if (op !== '=' && op !== '!=') throw reader.corrupt(`values are not compared by ${op}`);
  return { target, key, op, value: reader.blob() };
}

function branchBytes(branch: readonly Operation[]): number {
  let bytes = varintBytes(branch.length);
  for (const operation of branch) {
    bytes += 1 + blobBytes(operation.key.length);
    if (operation.do === 'put') bytes += blobBytes(operation.value.byteLength);
  }
  return bytes;
}

function writeBranch(writer: VarintWriter, branch: readonly Operation[]): void {
  writer.number(branch.length);
  for (const operation of branch) {
    writer.byte(operations.indexOf(operation.do));
    writer.text(operation.key);
    if (operation.do === 'put') writer.blob(operation.value);
  }
}

function readOperation(reader: VarintReader): Operation {
  const what = choice(reader, operations);
  const key = reader.text();
  return what === 'put' ? { do: what, key, value: reader.blob() } : { do: what, key };
}

function readList<Item>(reader: VarintReader, read: (reader: VarintReader) => Item): readonly Item[] {
  const items: Item[] = [];
  // Every item takes a byte at least: a wrong count ends at the end of the bytes.
  for (let left = reader.number(); left > 0; left--) items.push(read(reader));
  return items;
}

function choice<Item>(reader: VarintReader, from: readonly Item[]): Item {
  const code = reader.byte();
  const chosen = from[code];
  if (chosen === undefined) throw reader.corrupt(`there is no choice ${code}`);
  return chosen;
}

function blobBytes(length: number): number {
  return varintBytes(length) + length;
}
