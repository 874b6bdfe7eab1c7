export type * from './client.ts';
export { FencedClient } from './fenced.ts';
export { HttpClient } from './http.ts';
export {
  allSynced,
  type Indexer,
  Informer,
  type InformerDeps,
  type InformerEvent,
  type InformerOptions,
} from './informer.ts';
export { deepFreeze, mergePatch, sameJson } from './json.ts';
export { type Connection, KubeconfigError, loadKubeconfig, urlsOf } from './kubeconfig.ts';
export { MemoryClient, type MemoryClientOptions } from './memory/client.ts';
export { collectionPath, objectPath, refOf } from './paths.ts';
export { openRawClient, type RawClient, type RawClientOptions, type RawRequest, type RawResponse } from './raw.ts';
export { fieldSelector, labelSelector, type Selector } from './selector.ts';
