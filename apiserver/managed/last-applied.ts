// From client-side apply to server-side apply: kubectl's annotation says what was applied before, so a conflict about that is
// none; and while the annotation is there it is kept true.
import type { Schema, Unstructured } from '../../apis/index.ts';
import { isRecord, type JsonRecord, recordOf, textOf } from '../json.ts';
import { type Application, type Applied, applyConfiguration } from './apply.ts';
import { compare } from './compare.ts';
import { difference, type FieldSet, isEmptySet } from './field-set.ts';
import { appliedFields } from './own.ts';
import { trackedPart } from './tracked.ts';

/** The annotation in which client-side apply keeps what it was given. */
export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** The manager that the annotation counts for: kubectl's own name in server-side apply. */
const kubectlManager = 'kubectl';

/** As applyConfiguration, with what kubectl's annotation means. */
export function applyBesideAnnotation(application: Application): Applied {
  const { schema, live, configuration, writer } = application;
  const applied = applyConfiguration(application);
  if (writer.manager !== kubectlManager || live === undefined) return applied;
  if (applied.kind === 'applied') return annotated(applied, configuration);
  const allowed = stillAsApplied(schema, live, writer.apiVersion);
  if (allowed === undefined) return applied;
  const conflicts = applied.conflicts
    .map(({ owner, fields }) => ({ owner, fields: difference(fields, allowed) }))
    .filter(({ fields }) => !isEmptySet(fields));
  if (conflicts.length > 0) return { kind: 'conflict', conflicts };
  const forced = applyConfiguration({ ...application, force: true });
  return forced.kind === 'applied' ? annotated(forced, configuration) : forced;
}

// The fields of the annotation that nobody changed since.
function stillAsApplied(schema: Schema, live: Unstructured, apiVersion: string): FieldSet | undefined {
  const last = parsedRecord(textOf(live.metadata.annotations?.[lastAppliedAnnotation]) ?? '');
  if (last === undefined || last.apiVersion !== apiVersion) return undefined;
  const fields = appliedFields(schema, trackedPart(last));
  const change = compare(schema, trackedPart(last), trackedPart(live));
  if (change === undefined) return fields;
  return difference(difference(difference(fields, change.modified), change.added), change.removed);
}

function annotated(applied: Extract<Applied, { kind: 'applied' }>, configuration: JsonRecord): Applied {
  const metadata = recordOf(applied.object.metadata);
  const annotations = recordOf(metadata.annotations);
  if ((textOf(annotations[lastAppliedAnnotation]) ?? '') === '') return applied;
  const text = `${orderedJson(withoutAnnotation(configuration))}\n`;
  return {
    ...applied,
    object: {
      ...applied.object,
      metadata: { ...metadata, annotations: { ...annotations, [lastAppliedAnnotation]: text } },
    },
  };
}

function withoutAnnotation(configuration: JsonRecord): JsonRecord {
  const metadata = recordOf(configuration.metadata);
  if (!isRecord(metadata.annotations)) return configuration;
  const { [lastAppliedAnnotation]: _last, ...annotations } = metadata.annotations;
  return { ...configuration, metadata: { ...metadata, annotations } };
}

// With the fields of each object in order, as Go writes maps.
function orderedJson(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) =>
    isRecord(field) ? Object.fromEntries(Object.entries(field).sort(([a], [b]) => (a < b ? -1 : 1))) : field,
  );
}

function parsedRecord(text: string): JsonRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    // An annotation that somebody spoilt allows nothing.
    return undefined;
  }
}
