// Kinds of Kubernetes that kubectl asks for on its way to something else, and of which there are none here.
import type { KindInfo } from '../../apis/index.ts';

const columns = [
  {
    name: 'Age',
    type: 'date',
    path: '.metadata.creationTimestamp',
    description: 'Time since it was created.',
  },
] as const;

/**
 * Served empty and read-only, and in no table that controllers go by. `kubectl cluster-info` lists the services of kube-system
 * before it says where the control plane is, and fails where it cannot.
 */
export const absentInfos: readonly KindInfo[] = [
  {
    group: '',
    version: 'v1',
    kind: 'Service',
    plural: 'services',
    singular: 'service',
    shortNames: ['svc'],
    scope: 'Namespaced',
    subresources: [],
    verbs: ['get', 'list', 'watch'],
    columns,
    selectableFields: [],
    immutable: [],
    schema: {
      description: 'There are none and none can be made: nothing that runs here listens for anybody.',
      properties: {},
    },
  },
];
