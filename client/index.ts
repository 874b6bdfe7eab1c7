export type * from './client.ts';
export { HttpClient } from './http.ts';
export { type Connection, KubeconfigError, loadKubeconfig } from './kubeconfig.ts';
export { collectionPath, objectPath, refOf } from './paths.ts';
export { openRawClient, type RawClient, type RawClientOptions, type RawRequest, type RawResponse } from './raw.ts';
