import { kinds } from '../../apis/index.ts';
import type { NodeLookups } from '../auth/node-role.ts';
import { at, textOf } from '../json.ts';
import type { Registry } from '../registry/registry.ts';
import { isTerminal } from '../registry/strategy.ts';

/** What decides about a node's requests, read from the store each time. */
export function nodeLookups({ store }: Pick<Registry, 'store'>): NodeLookups {
  const uidOf = async (herd: string) => (await store.herd(herd))?.object.metadata.uid;
  const read = async (info: typeof kinds.slices | typeof kinds.runs, herd: string, name: string) => {
    const herdUid = await uidOf(herd);
    return herdUid === undefined ? undefined : (await store.read(info, herdUid, name))?.object;
  };
  return {
    slice: (herd, name) => read(kinds.slices, herd, name),
    run: (herd, name) => read(kinds.runs, herd, name),
    async liveSlicesOf(node, herd) {
      const herdUid = await uidOf(herd);
      if (herdUid === undefined) return [];
      const page = await store.page(kinds.slices, herdUid, {});
      return page.items
        .map((stored) => stored.object)
        .filter((slice) => textOf(at(slice, 'spec.nodeName')) === node && !isTerminal(slice));
    },
  };
}
