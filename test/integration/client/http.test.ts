// The client's HTTP twin against a real server, on the suite that the memory twin passes too.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '../../../apiserver/index.ts';
import { createMemoryBarn } from '../../../barn/index.ts';
import { silentLog, systemClock, systemRandom } from '../../../base/index.ts';
import { describeClient } from '../../../client/conformance.ts';
import { HttpClient, loadKubeconfig } from '../../../client/index.ts';

describeClient('HTTPS', async () => {
  const data = await mkdtemp(join(tmpdir(), 'runink-client-'));
  const barn = createMemoryBarn();
  const deps = { clock: systemClock, random: systemRandom, log: silentLog };
  const server = await startServer({ ...deps, data, barn, port: 0, nodes: [], version: 'test' });
  const client = new HttpClient(await loadKubeconfig(join(data, 'admin.kubeconfig')));
  return {
    client,
    compact: async () => barn.compact((await barn.status()).revision),
    close: async () => {
      client[Symbol.dispose]();
      await server.close();
      await barn.close();
      await rm(data, { recursive: true });
    },
  };
});
