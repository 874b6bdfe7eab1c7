// One dev a folder. The lock is a listening socket in the abstract namespace: the kernel gives it up with the process,
// however that ends, and who is connected to it sees the end.
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';

const watchersMax = 64;

/** Holds the folder's lock until closed; undefined when another holds it. */
export async function takeLock(instance: string): Promise<Server | undefined> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy()).resume();
    socket.unref();
  });
  server.maxConnections = watchersMax;
  server.listen(nameOf(instance));
  try {
    await once(server, 'listening');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE') return undefined;
    throw cause;
  }
  server.unref();
  return server;
}

/** Resolves when the holder is gone; at once if there is none. */
export async function waitForRelease(instance: string, signal: AbortSignal): Promise<void> {
  const socket = connect({ path: nameOf(instance), signal });
  try {
    await once(socket, 'connect');
    socket.resume();
    await once(socket, 'close');
  } catch (cause) {
    signal.throwIfAborted();
    if (!(cause instanceof Error && 'code' in cause)) throw cause;
  } finally {
    socket.destroy();
  }
}

function nameOf(instance: string): string {
  return `\0runink-dev-${instance}`;
}
