import { TransportError } from '../transport/error.ts';
import type { Transport } from '../transport/transport.ts';

/** The transport of a member that is alone: there is nobody to send to. */
export function noTransport(): Transport {
  return {
    setPeers() {},
    send() {},
    flush() {},
    sendSnapshot: () => Promise.reject(new Error('this member is alone')),
    ask: () => Promise.reject(new Error('this member is alone')),
    update() {
      throw new TransportError('Credentials', 'this member is alone: nobody sees its certificate');
    },
    connected: () => [],
    close: async () => {},
  };
}
