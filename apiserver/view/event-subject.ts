// Events are told of slices. Who knows these as pods asks for the events of a pod, by its kind or by its uid, and finds them.
import { apiVersionOf, kinds, type Unstructured } from '../../apis/index.ts';
import { at, recordOf, textOf } from '../json.ts';
import { derivedUid } from '../storage/projections/derived-uid.ts';
import type { FieldRequirement } from './field-selector.ts';

const doubleFields: ReadonlySet<string> = new Set([
  'involvedObject.apiVersion',
  'involvedObject.kind',
  'involvedObject.uid',
]);

/** Whether an event may be found by two values of the field, so that its own value does not say who asks for it. */
export function hasTwoValues(field: string): boolean {
  return doubleFields.has(field);
}

/** Whether requirements may be about a pod as what an event happened to. */
export function asksForPod(requirements: readonly FieldRequirement[]): boolean {
  return requirements.some(
    ({ field, op, value }) =>
      op === '=' && (field === 'involvedObject.uid' || (field === 'involvedObject.kind' && value === kinds.pods.kind)),
  );
}

/** An event of a slice as it would be told of the pod that the slice is; undefined for any other object. */
export function toldOfPod(event: Unstructured): Unstructured | undefined {
  const about = recordOf(event.involvedObject);
  if (event.kind !== kinds.events.kind || about.kind !== kinds.slices.kind) return undefined;
  if (about.apiVersion !== apiVersionOf(kinds.slices)) return undefined;
  const uid = textOf(at(about, 'uid')) ?? '';
  const subject = { ...about, apiVersion: apiVersionOf(kinds.pods), kind: kinds.pods.kind, uid: derivedUid(uid) };
  return { ...event, involvedObject: subject };
}
