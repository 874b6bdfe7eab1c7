// The other process of transport.bench: a member that answers every MsgApp, every heartbeat, and takes snapshots in.

import type { PeerCredentials } from '../../barn/index.ts';
import { openTlsTransport, type TlsTransport } from '../../barn/transport/tls.ts';
import { silentLog, systemClock, systemRandom } from '../../base/index.ts';

process.once('message', (start: { readonly credentials: PeerCredentials; readonly port: number }) => {
  void serve(start.credentials, start.port);
});

async function serve(credentials: PeerCredentials, port: number): Promise<void> {
  const transport: TlsTransport = await openTlsTransport(
    {
      id: 2,
      name: 'm2',
      clusterId: 1,
      url: '',
      listen: { host: '127.0.0.1', port: 0 },
      credentials,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
    },
    {
      onMessages(from, messages) {
        transport.send(
          messages.map((message) => ({
            ...message,
            type: message.type === 'MsgApp' ? ('MsgAppResp' as const) : ('MsgHeartbeatResp' as const),
            to: from,
            from: 2,
            entries: [],
          })),
        );
        transport.flush();
      },
      onUnreachable: () => undefined,
      async onSnapshot(_from, _message, chunks) {
        for await (const _ of chunks);
      },
      onQuestion: () => Promise.resolve(Buffer.from(JSON.stringify(process.cpuUsage()))),
    },
  );
  transport.setPeers([{ id: 1, name: 'm1', url: `https://127.0.0.1:${port}` }]);
  process.send?.({ port: transport.port });
  process.once('disconnect', () => void transport.close());
}
