// Field selectors (https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/): equality on the
// fields that the table of kinds names, and on metadata.name and metadata.namespace.
import { ApiError, type KindInfo, type Unstructured } from '../../apis/index.ts';
import { at } from '../json.ts';
import { asksForPod, toldOfPod } from './event-subject.ts';

/** One comparison of a field selector. */
export interface FieldRequirement {
  readonly field: string;
  readonly op: '=' | '!=';
  readonly value: string;
}

/** Parses a selector into its requirements, all of which must hold. Errors: BadRequest. */
export function parseFieldSelector(text: string, info: KindInfo): readonly FieldRequirement[] {
  return splitUnescaped(text)
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^([^=!]*)(==|!=|=)(.*)$/s.exec(part);
      if (match === null) throw new ApiError('BadRequest', `invalid selector: '${text}'; can't understand '${part}'`);
      const [, field = '', operator, value = ''] = match;
      const isCommon = field === 'metadata.name' || (field === 'metadata.namespace' && info.scope === 'Namespaced');
      if (!isCommon && !info.selectableFields.includes(field)) {
        throw new ApiError('BadRequest', `field label not supported: ${field}`);
      }
      return { field, op: operator === '!=' ? '!=' : '=', value: value.replace(/\\([\\,=])/g, '$1') };
    });
}

/** Whether an object meets all requirements; an absent field counts as empty. An event of a slice is one of its pod too. */
export function fieldsMatch(requirements: readonly FieldRequirement[], object: Unstructured): boolean {
  if (areMet(requirements, object)) return true;
  const asPod = asksForPod(requirements) ? toldOfPod(object) : undefined;
  return asPod !== undefined && areMet(requirements, asPod);
}

function areMet(requirements: readonly FieldRequirement[], object: Unstructured): boolean {
  return requirements.every(({ field, op, value }) => (fieldText(object, field) === value) === (op === '='));
}

/** The value that a selector demands of a field by equality, or undefined. */
export function demanded(requirements: readonly FieldRequirement[], field: string): string | undefined {
  return requirements.find((requirement) => requirement.field === field && requirement.op === '=')?.value;
}

/** The text by which a field is compared; empty when it is absent. */
export function fieldText(object: Unstructured, field: string): string {
  // An event's source is its component, as in Kubernetes.
  const value = field === 'source' ? at(object, 'source.component') : at(object, field);
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : field === 'spec.unschedulable'
      ? 'false'
      : '';
}

function splitUnescaped(text: string): string[] {
  return text.match(/(?:\\.|[^,\\])+/gs) ?? [];
}
