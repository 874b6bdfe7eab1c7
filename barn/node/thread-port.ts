import type { MessagePort } from 'node:worker_threads';
import type { MessagePortLike } from './member.ts';

/** A port between threads. Closed by either side, it is closed. */
export function threadPort(port: MessagePort): MessagePortLike {
  return {
    post: (message, transfer = []) => port.postMessage(message, [...transfer]),
    onMessage: (listener) => void port.on('message', listener),
    close: () => port.close(),
  };
}
