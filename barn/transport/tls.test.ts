import { seededRandom, silentLog, systemClock } from '../../base/index.ts';
import { createPeerAuthority, peerCredentials } from '../../test/support/peer-certificates.ts';
import type { MemberId } from '../raft/protocol.ts';
import { snapshotConformance } from './conformance/snapshots.ts';
import { type TransportHarness, transportConformance } from './conformance.ts';
import { openTlsTransport, type TlsTransport } from './tls.ts';

async function tlsHarness(): Promise<TransportHarness> {
  const authority = await createPeerAuthority();
  const ports = new Map<MemberId, number>();
  const opened: TlsTransport[] = [];
  return {
    async open(id, events, limits = {}) {
      const name = `m${id}`;
      const transport = await openTlsTransport(
        {
          id,
          name,
          clusterId: 77,
          url: '',
          listen: { host: '127.0.0.1', port: ports.get(id) ?? 0 },
          credentials: await peerCredentials(authority, name),
          clock: systemClock,
          random: seededRandom(id),
          log: silentLog,
          // A stall of this machine must not look like a peer's death.
          limits: { handshakeMs: 30_000, idleMs: 30_000, ...limits },
        },
        events,
      );
      ports.set(id, transport.port);
      opened.push(transport);
      return { transport, address: { id, name, url: `https://127.0.0.1:${transport.port}` } };
    },
    async close() {
      for (const transport of opened) await transport.close();
    },
  };
}

describe('the transport over TLS', function () {
  this.timeout(60_000);
  transportConformance(tlsHarness);
  snapshotConformance(tlsHarness);
});
