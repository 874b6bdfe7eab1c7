// One member of our Barn behind the bench's own protocol (barn-framed.c): what an API server is to the Barn, in its process, with
// as little in between as can be. Started by barn-sides.ts with its settings as JSON; prints `ready PORT`; answers a line on
// its stdin with its status as JSON, and ends with it.
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type Barn, type ClusterOptions, openEmbeddedBarn } from '../../barn/index.ts';
import { systemClock, systemLog } from '../../base/index.ts';

/** What a member is started with. */
export interface ServerSettings {
  readonly directory: string;
  readonly name: string;
  readonly cluster?: ClusterOptions;
  /** 32 bytes in base64 that encrypt its files. */
  readonly key?: string;
}

/** Three revisions and two lengths before each item of a range. */
const itemHeadBytes = 24;
const noBytes: Buffer = Buffer.alloc(0);
const failed = Buffer.from([0xff, 0xff, 0xff, 0xff]);

async function main(): Promise<void> {
  const { key, ...settings }: ServerSettings = JSON.parse(process.argv[2] ?? '{}');
  const barn = await openEmbeddedBarn({
    ...settings,
    ...(key === undefined ? {} : { keys: [{ id: 'bench', key: Buffer.from(key, 'base64') }] }),
    clock: systemClock,
    log: systemLog(settings.name, 'error'),
    onFailed: () => process.exit(1),
  });
  // A member of a group serves once that has a leader.
  await barn.readIndex();
  const server = createServer({ noDelay: true }, (socket) => serve(barn, socket));
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (typeof address === 'object') console.log(`ready ${address?.port ?? 0}`);
  });
  createInterface({ input: process.stdin })
    .on('line', () => void barn.status().then((status) => console.log(`status ${JSON.stringify(status)}`)))
    .on('close', () => process.exit(0));
}

function serve(barn: Barn, socket: Socket): void {
  let waiting: Buffer = noBytes;
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes: Buffer) => {
    waiting = waiting.length === 0 ? bytes : Buffer.concat([waiting, bytes]);
    while (waiting.length >= 4) {
      const end = 4 + waiting.readUInt32BE(0);
      if (waiting.length < end) break;
      take(barn, socket, waiting.subarray(4, end));
      waiting = waiting.subarray(end);
    }
  });
}

function take(barn: Barn, socket: Socket, request: Buffer): void {
  const valueAt = 3 + request.readUInt16BE(1);
  const key = request.toString('latin1', 3, valueAt);
  const answered = (bytes: Uint8Array): void => answer(socket, bytes);
  const refused = (): void => void socket.write(failed);
  switch (String.fromCharCode(request[0] ?? 0)) {
    case 'p':
      barn.txn([], [{ do: 'put', key, value: request.subarray(valueAt) }]).then(() => answered(noBytes), refused);
      break;
    case 'g':
      barn.range(key).then(({ items }) => answered(items[0]?.value ?? noBytes), refused);
      break;
    case 'r':
      barn.range(key, 'k0').then(({ items }) => answered(encodeRange(items)), refused);
      break;
    case 'w':
      void follow(barn, socket, key);
      break;
    default:
      refused();
  }
}

function answer(socket: Socket, bytes: Uint8Array): void {
  const head = Buffer.allocUnsafe(4);
  head.writeUInt32BE(bytes.byteLength);
  if (bytes.byteLength === 0) {
    socket.write(head);
    return;
  }
  socket.cork();
  socket.write(head);
  socket.write(bytes);
  socket.uncork();
}

/** Key, revisions and value of each, as etcd's answer has them. */
function encodeRange(items: Awaited<ReturnType<Barn['range']>>['items']): Buffer {
  let size = 0;
  for (const { key, value } of items) size += itemHeadBytes + key.length + value.byteLength;
  const bytes = Buffer.allocUnsafe(size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  const revision = (number: number, at: number): void => {
    view.setUint16(at, number / 2 ** 32);
    view.setUint32(at + 2, number % 2 ** 32);
  };
  let at = 0;
  for (const { key, value, createRevision, modRevision, version } of items) {
    revision(createRevision, at);
    revision(modRevision, at + 6);
    revision(version, at + 12);
    view.setUint16(at + 18, key.length);
    view.setUint32(at + 20, value.byteLength);
    at += itemHeadBytes;
    bytes.write(key, at, 'latin1');
    at += key.length;
    bytes.set(value, at);
    at += value.byteLength;
  }
  return bytes;
}

/** An answer a batch: how many events it has. */
async function follow(barn: Barn, socket: Socket, key: string): Promise<void> {
  const watch = await barn.watch(key, undefined, 0);
  socket.once('close', () => void watch.return?.());
  for await (const { events } of watch) answer(socket, Buffer.from([events.length]));
}

await main();
