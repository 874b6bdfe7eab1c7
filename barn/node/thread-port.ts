import type { MessagePort } from 'node:worker_threads';
import type { MessagePortLike } from './member.ts';
import type { ToReplica } from './port.ts';

/**
 * A port between threads. Closed by either side, it is closed: after all that the other thread said, whichever way it ended, the
 * listener hears `lastWords`, if there are any.
 */
export function threadPort(port: MessagePort, lastWords?: ToReplica): MessagePortLike {
  return {
    post: (message, transfer = []) => port.postMessage(message, [...transfer]),
    onMessage: (listener) => {
      port.on('message', listener);
      if (lastWords !== undefined) port.on('close', () => listener(lastWords));
    },
    close: () => port.close(),
  };
}
