// The table of kinds: one row makes discovery, OpenAPI, Table output, manifests and types. Rows without types; kinds.ts adds them.
import { eventSchema, leaseSchema, nodeSchema, secretSchema, serviceAccountSchema } from './core/core.schema.ts';
import { podSchema } from './core/pod.schema.ts';
import { definitionSchema } from './extensions/definition.schema.ts';
import type { KindInfo } from './kind.ts';
import { annotationSchema } from './runink/annotation.schema.ts';
import { bundleSchema } from './runink/bundle.schema.ts';
import { contractSchema } from './runink/contract.schema.ts';
import { herdSchema, namespaceSchema } from './runink/herd.schema.ts';
import { pipelineSchema } from './runink/pipeline.schema.ts';
import { runSchema } from './runink/run.schema.ts';
import { sliceSchema } from './runink/slice.schema.ts';

const age = {
  name: 'Age',
  type: 'date',
  path: '.metadata.creationTimestamp',
  description: 'Time since it was created.',
} as const;
const core = { group: '', version: 'v1' } as const;
const ours = { group: 'runink.io', version: 'v1' } as const;
const plain = { shortNames: [], subresources: [], selectableFields: [], immutable: [] } as const;

/** Herd. */
export const herdInfo: KindInfo = {
  ...plain,
  ...ours,
  kind: 'Herd',
  plural: 'herds',
  singular: 'herd',
  shortNames: ['hd'],
  scope: 'Cluster',
  subresources: ['status'],
  columns: [{ name: 'Status', type: 'string', path: '.status.phase', description: 'Active or Terminating.' }, age],
  selectableFields: ['status.phase'],
  schema: herdSchema,
};
/** Namespace, a projection of Herd. */
export const namespaceInfo: KindInfo = {
  ...plain,
  ...core,
  kind: 'Namespace',
  plural: 'namespaces',
  singular: 'namespace',
  shortNames: ['ns'],
  scope: 'Cluster',
  subresources: ['status'],
  columns: [{ name: 'Status', type: 'string', path: '.status.phase', description: 'Active or Terminating.' }, age],
  selectableFields: ['status.phase'],
  projectionOf: 'Herd',
  schema: namespaceSchema,
};
/** Node. */
export const nodeInfo: KindInfo = {
  ...plain,
  ...core,
  kind: 'Node',
  plural: 'nodes',
  singular: 'node',
  shortNames: ['no'],
  scope: 'Cluster',
  subresources: ['status', 'tunnel'],
  columns: [
    {
      name: 'Status',
      type: 'string',
      path: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether the agent is well.',
    },
    {
      name: 'Isolation',
      type: 'string',
      path: '.status.nodeInfo.containerRuntimeVersion',
      description: 'How slices are kept apart.',
    },
    age,
    { name: 'Version', type: 'string', path: '.status.nodeInfo.kubeletVersion', description: 'Version of the agent.' },
    {
      name: 'Kernel-Version',
      type: 'string',
      path: '.status.nodeInfo.kernelVersion',
      description: 'uname -r.',
      priority: 1,
    },
  ],
  selectableFields: ['spec.unschedulable'],
  schema: nodeSchema,
};
/** Pod, a projection of Slice. */
export const podInfo: KindInfo = {
  ...plain,
  ...core,
  kind: 'Pod',
  categories: ['all'],
  plural: 'pods',
  singular: 'pod',
  shortNames: ['po'],
  scope: 'Namespaced',
  subresources: ['log', 'eviction'],
  verbs: ['delete', 'deletecollection', 'get', 'list', 'watch'],
  columns: [
    { name: 'Ready', type: 'string', path: '.status', description: 'Containers that run, of all.' },
    { name: 'Status', type: 'string', path: '.status.phase', description: 'Where it stands, and why.' },
    { name: 'Restarts', type: 'string', path: '.status', description: 'Attempts before this one.' },
    age,
    { name: 'IP', type: 'string', path: '.status.podIP', description: 'It has none.', priority: 1 },
    { name: 'Node', type: 'string', path: '.spec.nodeName', description: 'Where.', priority: 1 },
    {
      name: 'Nominated Node',
      type: 'string',
      path: '.status.nominatedNodeName',
      description: 'Never set.',
      priority: 1,
    },
    { name: 'Readiness Gates', type: 'string', path: '.spec.readinessGates', description: 'Never set.', priority: 1 },
  ],
  selectableFields: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.podIPs',
    'status.nominatedNodeName',
  ],
  projectionOf: 'Slice',
  schema: podSchema,
};
/** Secret. */
export const secretInfo: KindInfo = {
  ...plain,
  ...core,
  kind: 'Secret',
  plural: 'secrets',
  singular: 'secret',
  scope: 'Namespaced',
  columns: [
    { name: 'Type', type: 'string', path: '.type', description: 'Sort of secret.' },
    { name: 'Data', type: 'string', path: '.data', description: 'How many values.' },
    age,
  ],
  selectableFields: ['type'],
  schema: secretSchema,
};
/** ServiceAccount. */
export const serviceAccountInfo: KindInfo = {
  ...plain,
  ...core,
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  singular: 'serviceaccount',
  shortNames: ['sa'],
  scope: 'Namespaced',
  columns: [{ name: 'Secrets', type: 'string', path: '.secrets', description: 'How many it names.' }, age],
  schema: serviceAccountSchema,
};
/** Event. */
export const eventInfo: KindInfo = {
  ...plain,
  ...core,
  kind: 'Event',
  plural: 'events',
  singular: 'event',
  shortNames: ['ev'],
  scope: 'Namespaced',
  columns: [
    { name: 'Last Seen', type: 'date', path: '.lastTimestamp', description: 'When last.' },
    { name: 'Type', type: 'string', path: '.type', description: 'Normal or Warning.' },
    { name: 'Reason', type: 'string', path: '.reason', description: 'Why, in a word.' },
    { name: 'Object', type: 'string', path: '.involvedObject', description: 'What it happened to.' },
    {
      name: 'Subobject',
      type: 'string',
      path: '.involvedObject.fieldPath',
      description: 'What part of it.',
      priority: 1,
    },
    { name: 'Source', type: 'string', path: '.source', description: 'Who says so.', priority: 1 },
    { name: 'Message', type: 'string', path: '.message', description: 'What happened.' },
    { name: 'First Seen', type: 'date', path: '.firstTimestamp', description: 'When first.', priority: 1 },
    { name: 'Count', type: 'integer', path: '.count', description: 'How often.', priority: 1 },
  ],
  selectableFields: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
  schema: eventSchema,
};
/** Lease. */
export const leaseInfo: KindInfo = {
  ...plain,
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  singular: 'lease',
  scope: 'Namespaced',
  columns: [{ name: 'Holder', type: 'string', path: '.spec.holderIdentity', description: 'Who holds it.' }, age],
  schema: leaseSchema,
};
/** CustomResourceDefinition. */
export const definitionInfo: KindInfo = {
  ...plain,
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  singular: 'customresourcedefinition',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  scope: 'Cluster',
  subresources: ['status'],
  columns: [{ ...age, name: 'Created At', description: 'When it was created.' }],
  schema: definitionSchema,
};
/** Pipeline. */
export const pipelineInfo: KindInfo = {
  ...plain,
  ...ours,
  kind: 'Pipeline',
  categories: ['all', 'runink'],
  plural: 'pipelines',
  singular: 'pipeline',
  shortNames: ['pl'],
  scope: 'Namespaced',
  subresources: ['status'],
  columns: [
    {
      name: 'Ready',
      type: 'string',
      path: '.status.conditions[?(@.type=="Ready")].status',
      description: 'Whether it could be resolved.',
    },
    { name: 'Reason', type: 'string', path: '.status.conditions[?(@.type=="Ready")].reason', description: 'Why.' },
    { name: 'Last Run', type: 'string', path: '.status.lastRun', description: 'The newest run.' },
    age,
    {
      name: 'Message',
      type: 'string',
      path: '.status.conditions[?(@.type=="Ready")].message',
      description: 'Why, in words.',
      priority: 1,
    },
  ],
  schema: pipelineSchema,
};
/** Run. */
export const runInfo: KindInfo = {
  ...plain,
  ...ours,
  kind: 'Run',
  categories: ['all', 'runink'],
  plural: 'runs',
  singular: 'run',
  scope: 'Namespaced',
  subresources: ['status', 'log', 'progress'],
  columns: [
    { name: 'Pipeline', type: 'string', path: '.spec.pipeline.name', description: 'The pipeline it came from.' },
    { name: 'Phase', type: 'string', path: '.status.phase', description: 'Where it stands.' },
    { name: 'Steps', type: 'string', path: '.status.summary', description: 'Succeeded of all.' },
    { name: 'Rejected', type: 'integer', path: '.status.recordsRejected', description: 'Records in the dead letters.' },
    age,
    { name: 'Reason', type: 'string', path: '.status.reason', description: 'Why it failed.', priority: 1 },
    { name: 'Message', type: 'string', path: '.status.message', description: 'Why, in words.', priority: 1 },
  ],
  selectableFields: ['spec.pipeline.name', 'status.phase'],
  immutable: ['spec'],
  mutable: ['spec.cancel'],
  schema: runSchema,
};
/** Slice. */
export const sliceInfo: KindInfo = {
  ...plain,
  ...ours,
  kind: 'Slice',
  categories: ['all', 'runink'],
  plural: 'slices',
  singular: 'slice',
  shortNames: ['sl'],
  scope: 'Namespaced',
  subresources: ['status', 'binding', 'log'],
  columns: [
    { name: 'Run', type: 'string', path: '.spec.run', description: 'Its run.' },
    { name: 'Step', type: 'string', path: '.spec.step', description: 'Its step.' },
    { name: 'Attempt', type: 'integer', path: '.spec.attempt', description: 'Number of the attempt.' },
    { name: 'Phase', type: 'string', path: '.status.phase', description: 'Where it stands.' },
    { name: 'Reason', type: 'string', path: '.status.reason', description: 'Why.' },
    { name: 'Node', type: 'string', path: '.spec.nodeName', description: 'Where.' },
    age,
    { name: 'Message', type: 'string', path: '.status.message', description: 'Why, in words.', priority: 1 },
  ],
  selectableFields: ['spec.nodeName', 'spec.run', 'status.phase'],
  immutable: ['spec'],
  mutable: ['spec.nodeName'],
  schema: sliceSchema,
};
/** Contract. */
export const contractInfo: KindInfo = {
  ...plain,
  ...ours,
  kind: 'Contract',
  categories: ['runink'],
  plural: 'contracts',
  singular: 'contract',
  shortNames: ['ct'],
  scope: 'Namespaced',
  columns: [
    { name: 'Contract', type: 'string', path: '.spec.name', description: 'Name that pipelines use.' },
    { name: 'Version', type: 'string', path: '.spec.version', description: 'Its version.' },
    { name: 'Mode', type: 'string', path: '.spec.mode', description: 'open or closed.' },
    age,
  ],
  selectableFields: ['spec.name'],
  immutable: ['spec'],
  schema: contractSchema,
};
/** Bundle. */
export const bundleInfo: KindInfo = {
  ...plain,
  ...ours,
  kind: 'Bundle',
  categories: ['runink'],
  plural: 'bundles',
  singular: 'bundle',
  scope: 'Namespaced',
  subresources: ['content'],
  columns: [
    { name: 'Format', type: 'string', path: '.spec.format', description: 'module or files.' },
    { name: 'Size', type: 'integer', path: '.spec.size', description: 'Bytes.' },
    age,
  ],
  immutable: ['spec'],
  schema: bundleSchema,
};
/** Annotation. */
export const annotationInfo: KindInfo = {
  ...plain,
  ...ours,
  kind: 'Annotation',
  plural: 'annotations',
  singular: 'annotation',
  scope: 'Namespaced',
  columns: [
    { name: 'Dataset', type: 'string', path: '.spec.annotatedDataRef.dataset', description: 'What it is about.' },
    { name: 'Key', type: 'string', path: '.spec.key', description: 'What is said.' },
    { name: 'Value', type: 'string', path: '.spec.value', description: 'Its value.' },
    age,
  ],
  schema: annotationSchema,
};

/** Every built-in kind, in the order discovery lists them. */
export const kindInfos: readonly KindInfo[] = [
  eventInfo,
  namespaceInfo,
  nodeInfo,
  podInfo,
  secretInfo,
  serviceAccountInfo,
  definitionInfo,
  leaseInfo,
  annotationInfo,
  bundleInfo,
  contractInfo,
  herdInfo,
  pipelineInfo,
  runInfo,
  sliceInfo,
];
