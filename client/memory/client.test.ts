import { describeClient } from '../conformance.ts';
import { MemoryClient } from './client.ts';

describeClient('memory', async () => {
  const client = new MemoryClient();
  return { client, compact: async () => client.compact(), close: async () => {} };
});
