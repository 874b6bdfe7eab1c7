// What `kubectl get pods` shows, in Kubernetes' words: a pod's status in a word is the reason of its container's state
// before its phase.
import type { Unstructured } from '../../apis/index.ts';
import { arrayOf, at, isRecord, textOf } from '../json.ts';

/** The cells of a pod that are no plain fields, by column. */
export const podCells = {
  Ready: (pod: Unstructured): string => {
    const ready = statusesOf(pod).filter((status) => at(status, 'ready') === true).length;
    return `${ready}/${arrayOf(at(pod, 'spec.containers')).length}`;
  },
  Status: podWord,
  Restarts: (pod: Unstructured): string =>
    String(statusesOf(pod).reduce<number>((sum, status) => sum + countOf(at(status, 'restartCount')), 0)),
  IP: (pod: Unstructured): string => textOf(at(pod, 'status.podIP')) ?? none,
  Node: (pod: Unstructured): string => textOf(at(pod, 'spec.nodeName')) ?? none,
  'Nominated Node': (pod: Unstructured): string => textOf(at(pod, 'status.nominatedNodeName')) ?? none,
  'Readiness Gates': (): string => none,
} as const;

const none = '<none>';

function podWord(pod: Unstructured): string {
  const phase = textOf(at(pod, 'status.phase')) ?? 'Unknown';
  const hasEnded = phase === 'Succeeded' || phase === 'Failed';
  if (pod.metadata.deletionTimestamp !== undefined && !hasEnded) return 'Terminating';
  const [status] = statusesOf(pod);
  const reason = textOf(at(status, 'state.waiting.reason')) ?? textOf(at(status, 'state.terminated.reason'));
  return reason ?? textOf(at(pod, 'status.reason')) ?? phase;
}

function statusesOf(pod: Unstructured): readonly unknown[] {
  return arrayOf(at(pod, 'status.containerStatuses')).filter(isRecord);
}

function countOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
