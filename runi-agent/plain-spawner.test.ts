import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog, systemClock } from '../base/index.ts';
import { openPlainSpawner } from './plain-spawner.ts';
import { describeSpawner } from './spawner-conformance.ts';

describeSpawner('runi-agent: plain spawner', async () => {
  const top = await mkdtemp(join(tmpdir(), 'plain-'));
  const volume = (name: string): string => join(top, 'volumes', name);
  await mkdir(volume('data'), { recursive: true });
  await mkdir(volume('fixed'), { recursive: true });
  const logs = new Map<string, Buffer[]>();
  const servers: Server[] = [];
  const spawner = await openPlainSpawner({
    directory: join(top, 'run'),
    bundles: join(top, 'bundles'),
    volumes: [
      { name: 'data', path: volume('data'), writable: true },
      { name: 'fixed', path: volume('fixed'), writable: false },
    ],
    node: process.execPath,
    program: '/nowhere/runi-slice',
    exchangeDirectory: join(top, 'exchange'),
    clock: systemClock,
    log: silentLog,
  });
  return {
    spawner,
    herdUid: 'herd-1',
    volume,
    async prepare(slot) {
      const folder = join(top, 'exchange', slot);
      await mkdir(folder, { recursive: true });
      await rm(join(folder, 'log.sock'), { force: true });
      const chunks: Buffer[] = [];
      logs.set(slot, chunks);
      const server = createServer((socket) => socket.on('data', (chunk) => chunks.push(Buffer.from(chunk))));
      servers.push(server);
      await new Promise<void>((resolve) => {
        server.listen(join(folder, 'log.sock'), resolve);
      });
    },
    logOf: (slot) => readFrames(Buffer.concat(logs.get(slot) ?? [])),
    async close() {
      await spawner.close();
      for (const server of servers) server.close();
      await rm(top, { recursive: true, force: true });
    },
  };
});

function readFrames(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt32LE(at + 1)) {
    const end = at + 5 + bytes.readUInt32LE(at + 1);
    const line = bytes.toString('utf8', at + 5, end);
    text += `${bytes.readUInt8(at)}:${line.endsWith('\n') ? line : `${line}\n`}`;
  }
  return text;
}
