// Names as RFC 1123 has them, with the words that Kubernetes uses to refuse them.

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Why `name` is no RFC 1123 label (herds, steps), or undefined. */
export function labelProblem(name: string): string | undefined {
  if (name.length > 63) return 'must be no more than 63 characters';
  if (label.test(name)) return undefined;
  return "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
}

/** Why `name` is no RFC 1123 subdomain (all other objects), or undefined. */
export function subdomainProblem(name: string): string | undefined {
  if (name.length > 253) return 'must be no more than 253 characters';
  if (subdomain.test(name)) return undefined;
  return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
}

/** Annotation keys and well-known names of ours. */
export const wellKnown = {
  systemHerd: 'runink-system',
  nodeLeaseHerd: 'runink-node-lease',
  schedulerLease: 'runink-scheduler',
  runLabel: 'runink.io/run',
  pipelineLabel: 'runink.io/pipeline',
  stepLabel: 'runink.io/step',
  requestLabel: 'runink.io/request',
  runRequestedAnnotation: 'runink.io/run-requested',
  unreachableTaint: 'node.kubernetes.io/unreachable',
  /** On every node of a restored store, until its agent has said what it knows of the time that the store has lost. */
  restoredTaint: 'runink.io/restored',
} as const;
