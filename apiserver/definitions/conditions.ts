import type { Condition, CustomResourceDefinition, Unstructured } from '../../apis/index.ts';

/**
 * The conditions of a definition with one set; one that says the same already stays as it is, and the time of the transition
 * is kept while the status does not change.
 */
export function conditionsWith(definition: CustomResourceDefinition, wanted: Condition): readonly Condition[] {
  const conditions = definition.status?.conditions ?? [];
  const old = conditions.find(({ type }) => type === wanted.type);
  const next =
    old?.status === wanted.status && old.lastTransitionTime !== undefined
      ? { ...wanted, lastTransitionTime: old.lastTransitionTime }
      : wanted;
  return old === undefined ? [...conditions, next] : conditions.map((one) => (one.type === wanted.type ? next : one));
}

/** The definition with a condition set. */
export function withCondition(definition: CustomResourceDefinition, wanted: Condition): Unstructured {
  return { ...definition, status: { ...definition.status, conditions: conditionsWith(definition, wanted) } };
}
