// The table of kinds, with the type of each one's objects.
import type { Kind } from './kind.ts';
import * as table from './table.ts';
import type * as types from './types.gen.ts';

/** Every kind with the type of its objects, for Client and informers; named as in URLs. */
export const events: Kind<types.EventObject> = table.eventInfo;
export const namespaces: Kind<types.Namespace> = table.namespaceInfo;
export const nodes: Kind<types.Node> = table.nodeInfo;
export const pods: Kind<types.Pod> = table.podInfo;
export const secrets: Kind<types.Secret> = table.secretInfo;
export const serviceAccounts: Kind<types.ServiceAccount> = table.serviceAccountInfo;
export const customResourceDefinitions: Kind<types.CustomResourceDefinition> = table.definitionInfo;
export const leases: Kind<types.Lease> = table.leaseInfo;
export const annotations: Kind<types.Annotation> = table.annotationInfo;
export const bundles: Kind<types.Bundle> = table.bundleInfo;
export const contracts: Kind<types.Contract> = table.contractInfo;
export const herds: Kind<types.Herd> = table.herdInfo;
export const pipelines: Kind<types.Pipeline> = table.pipelineInfo;
export const runs: Kind<types.Run> = table.runInfo;
export const slices: Kind<types.Slice> = table.sliceInfo;
