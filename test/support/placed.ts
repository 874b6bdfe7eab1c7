import { kinds, type Slice } from '../../apis/index.ts';
import { present } from '../../base/index.ts';
import { refOf, takeLease } from '../../client/conformance/support.ts';
import type { Client } from '../../client/index.ts';

/** Makes a slice and binds it to a node that is there, as a scheduler does that has just taken the lease. */
export async function placed(client: Client, slice: Slice, nodeName: string): Promise<Slice> {
  const epoch = await takeLease(client);
  const made = await client.create(kinds.slices, slice);
  const resourceVersion = present(made.metadata.resourceVersion, 'resourceVersion');
  await client.bind(refOf(made), { nodeName, resourceVersion, epoch });
  return client.get(kinds.slices, refOf(made));
}
