// Requests to the helper as bytes: the fixed struct of request.h, then argv, env, secrets and files. What does not fit is
// refused here in the caller's words; what the names may be is the helper's to judge.
import type { LaunchRequest, PublishRequest, Slot, StagingRef, StdioTarget } from '../spawner.ts';
import { SpawnError } from '../spawner.ts';
import { constants, requestOffsets as offset, stagingOffsets } from './request.gen.ts';

/** The bytes that ask for a launch. They hold the secrets: wipe them when they are sent. */
export function encodeLaunch(id: number, wanted: LaunchRequest): Buffer {
  const subject = `launch ${wanted.slot}`;
  const argv = strings(subject, 'argv', wanted.argv, constants.argvCountMax, constants.argvBytesMax);
  const pairs = Object.entries(wanted.env).map(([name, value]) => {
    if (name === '' || name.includes('=')) throw invalid(subject, `"${name}" cannot name an environment variable`);
    return `${name}=${value}`;
  });
  const env = strings(subject, 'env', pairs, constants.envCountMax, constants.envBytesMax);
  const secrets = encodeSecrets(subject, wanted.secrets);
  const fixed = header(constants.launch, id, argv.length + env.length + secrets.length);
  text(fixed, offset.slot, constants.slotBytes, subject, 'slot', wanted.slot);
  text(fixed, offset.herd, constants.nameBytes, subject, 'herdUid', wanted.herdUid);
  fixed.writeBigUInt64LE(BigInt(whole(subject, 'memoryBytesMax', wanted.limits.memoryBytesMax)), offset.memoryBytesMax);
  fixed.writeUInt32LE(whole(subject, 'cpuMillis', wanted.limits.cpuMillis, 2 ** 32 - 1), offset.cpuMillis);
  fixed.writeUInt32LE(whole(subject, 'pidsMax', wanted.limits.pidsMax, 2 ** 32 - 1), offset.pidsMax);
  fixed.writeUInt32LE(wanted.fullProc ? 1 : 0, offset.fullProc);
  stdio(fixed, offset.stdinKind, offset.stdinPath, subject, 'stdin', wanted.stdin);
  stdio(fixed, offset.stdoutKind, offset.stdoutPath, subject, 'stdout', wanted.stdout);
  text(fixed, offset.bundle, constants.hashBytes, subject, 'bundle', wanted.bundle ?? '');
  names(fixed, offset.volumeCount, offset.volumes, constants.volumesMax, subject, 'volumes', wanted.volumes);
  names(fixed, offset.edgeInCount, offset.edgesIn, constants.edgesMax, subject, 'edgesIn', wanted.edgesIn);
  names(fixed, offset.edgeOutCount, offset.edgesOut, constants.edgesMax, subject, 'edgesOut', wanted.edgesOut);
  if (wanted.staging.length > constants.stagingMax)
    throw invalid(subject, `staging has more than ${constants.stagingMax} directories`);
  fixed.writeUInt32LE(wanted.staging.length, offset.stagingCount);
  for (const [index, reference] of wanted.staging.entries()) staging(fixed, index, subject, reference);
  fixed.writeUInt32LE(wanted.argv.length, offset.argvCount);
  fixed.writeUInt32LE(argv.length, offset.argvBytes);
  fixed.writeUInt32LE(pairs.length, offset.envCount);
  fixed.writeUInt32LE(env.length, offset.envBytes);
  fixed.writeUInt32LE(wanted.secrets.length, offset.secretCount);
  fixed.writeUInt32LE(secrets.length, offset.secretBytes);
  const request = Buffer.concat([fixed, argv, env, secrets]);
  secrets.fill(0);
  return request;
}

/** The bytes that ask for a slot's end. */
export function encodeKill(id: number, slot: Slot): Buffer {
  const fixed = header(constants.kill, id, 0);
  text(fixed, offset.slot, constants.slotBytes, `kill ${slot}`, 'slot', slot);
  return fixed;
}

/** The bytes that ask to publish. */
export function encodePublish(id: number, wanted: PublishRequest): Buffer {
  const subject = `publish to volume ${wanted.staging.volume}`;
  const list = wanted.files.flatMap(({ staged, target }) => [staged, target]);
  const files = strings(subject, 'files', list, 2 * constants.fileCountMax, constants.fileBytesMax);
  const fixed = header(constants.publish, id, files.length);
  staging(fixed, 0, subject, wanted.staging);
  fixed.writeUInt32LE(wanted.files.length, offset.fileCount);
  fixed.writeUInt32LE(files.length, offset.fileBytes);
  return Buffer.concat([fixed, files]);
}

/** The bytes that ask to delete a staging directory. */
export function encodeDiscard(id: number, reference: StagingRef): Buffer {
  const fixed = header(constants.discard, id, 0);
  staging(fixed, 0, `discard in volume ${reference.volume}`, reference);
  return fixed;
}

function header(type: number, id: number, tailBytes: number): Buffer {
  const fixed = Buffer.alloc(offset.size);
  fixed.writeUInt32LE(constants.version, offset.version);
  fixed.writeUInt32LE(type, offset.type);
  fixed.writeUInt32LE(id, offset.id);
  fixed.writeUInt32LE(tailBytes, offset.tailBytes);
  return fixed;
}

function text(fixed: Buffer, at: number, bytesMax: number, subject: string, field: string, value: string): void {
  const bytes = Buffer.from(value);
  if (bytes.length >= bytesMax) throw invalid(subject, `${field} is longer than ${bytesMax - 1} bytes`);
  if (bytes.includes(0)) throw invalid(subject, `${field} holds a NUL byte`);
  bytes.copy(fixed, at);
}

function names(
  fixed: Buffer,
  countAt: number,
  at: number,
  countMax: number,
  subject: string,
  field: string,
  values: readonly string[],
): void {
  if (values.length > countMax) throw invalid(subject, `${field} has more than ${countMax} names`);
  fixed.writeUInt32LE(values.length, countAt);
  for (const [index, value] of values.entries())
    text(fixed, at + index * constants.nameBytes, constants.nameBytes, subject, `${field}[${index}]`, value);
}

function staging(fixed: Buffer, index: number, subject: string, reference: StagingRef): void {
  const at = offset.staging + index * stagingOffsets.size;
  text(fixed, at + stagingOffsets.herd, constants.nameBytes, subject, 'staging.herdUid', reference.herdUid);
  text(fixed, at + stagingOffsets.volume, constants.nameBytes, subject, 'staging.volume', reference.volume);
  text(fixed, at + stagingOffsets.id, constants.nameBytes, subject, 'staging.id', reference.id);
}

function stdio(
  fixed: Buffer,
  kindAt: number,
  pathAt: number,
  subject: string,
  field: string,
  target: StdioTarget,
): void {
  const kind = target === 'null' ? constants.stdioNull : target === 'log' ? constants.stdioLog : constants.stdioPath;
  fixed.writeUInt32LE(kind, kindAt);
  if (typeof target === 'object') text(fixed, pathAt, constants.pathBytes, subject, field, target.path);
}

function strings(
  subject: string,
  field: string,
  values: readonly string[],
  countMax: number,
  bytesMax: number,
): Buffer {
  if (values.length > countMax) throw invalid(subject, `${field} has more than ${countMax} entries`);
  if (values.some((value) => value.includes('\0'))) throw invalid(subject, `${field} holds a NUL byte`);
  const bytes = Buffer.from(values.map((value) => `${value}\0`).join(''));
  if (bytes.length > bytesMax) throw invalid(subject, `${field} is longer than ${bytesMax} bytes`);
  return bytes;
}

function encodeSecrets(subject: string, secrets: LaunchRequest['secrets']): Buffer {
  if (secrets.length > constants.secretCountMax)
    throw invalid(subject, `more than ${constants.secretCountMax} secret files`);
  const total = secrets.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (total > constants.secretDataBytesMax)
    throw invalid(subject, `secrets are longer than ${constants.secretDataBytesMax} bytes together`);
  const parts = secrets.flatMap(({ path, bytes }) => {
    const name = strings(subject, 'a secret path', [path], 1, 2 * constants.pathBytes);
    const sizes = Buffer.alloc(8);
    sizes.writeUInt32LE(name.length, 0);
    sizes.writeUInt32LE(bytes.length, 4);
    return [sizes, name, bytes];
  });
  return Buffer.concat(parts);
}

function whole(subject: string, field: string, value: number, max = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isSafeInteger(value) || value < 0 || value > max)
    throw invalid(subject, `${field} must be a whole number: ${value}`);
  return value;
}

function invalid(subject: string, words: string): SpawnError {
  return new SpawnError('Invalid', `${subject}: ${words}`);
}
