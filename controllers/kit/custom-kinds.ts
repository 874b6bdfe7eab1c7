// Kinds that users have defined. There is no list of them in the program: what there is says the API.
import {
  type ApiObject,
  type CustomResourceDefinition,
  type Kind,
  type KindInfo,
  kinds,
  kindsOfDefinition,
} from '../../apis/index.ts';
import type { Client } from '../../client/index.ts';

/** One served version of a definition's kind, the stored one if it is served; undefined when none is. */
export function servedKindOf(definition: CustomResourceDefinition): KindInfo | undefined {
  const served = kindsOfDefinition(definition);
  return served.find(({ version, storageVersion }) => version === storageVersion) ?? served[0];
}

/** All kinds that users have defined, as the API knows them now. One may go at any time: its lists are NotFound then. */
export async function customKinds(client: Client, signal: AbortSignal): Promise<readonly Kind<ApiObject>[]> {
  const { items } = await client.list(kinds.customResourceDefinitions, { signal });
  return items.flatMap((definition) => servedKindOf(definition) ?? []);
}
