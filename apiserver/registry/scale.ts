// The subresource scale of users' kinds: how many replicas an object wants and has, as autoscaling/v1 Scale, whatever its
// own fields are called.
import { ApiError, apiVersionOf, type KindInfo, notFound, type Unstructured } from '../../apis/index.ts';
import { at, isRecord, type JsonRecord, recordOf, textOf } from '../json.ts';
import * as cause from '../schema/causes.ts';
import { show } from '../storage/object-store.ts';
import { type ApplyOptions, apply } from './apply.ts';
import { checkName, type Registry, readTarget, type Target, type WriteOptions } from './registry.ts';
import { change } from './update.ts';

const apiVersion = 'autoscaling/v1';
const scaleKind = { group: 'autoscaling', kind: 'Scale' };

/** The scale of an object. Errors: NotFound; InternalError when it does not say how many it wants. */
export async function readScale(registry: Registry, target: Target): Promise<Unstructured> {
  const object = show(target.info, registry.store.reveal(await readTarget(registry, target)));
  return scaleOf(target.info, object);
}

/** Sets how many replicas an object wants; `make` gets its scale. Errors: as of update. */
export async function writeScale(
  registry: Registry,
  target: Target,
  make: (scale: Unstructured) => unknown,
  options: WriteOptions,
): Promise<Unstructured> {
  const { subresource: _scale, ...whole } = target;
  const changed = await change(
    registry,
    whole,
    (current) => ({ object: withScale(target, current, make(shownScale(target.info, current, 0))) }),
    { ...options, through: 'scale' },
  );
  return scaleOf(target.info, changed);
}

/** Applies a scale: its manager owns how many replicas the object wants. Errors: as of apply; NotFound, as no scale makes an object. */
export async function applyScale(
  registry: Registry,
  target: Target,
  scale: JsonRecord,
  options: ApplyOptions,
): Promise<Unstructured> {
  const { subresource: _scale, ...whole } = target;
  const { info, name = '' } = target;
  const given = recordOf(scale.metadata);
  const empty: Unstructured = { apiVersion: apiVersionOf(info), kind: info.kind, metadata: { name } };
  const { spec, metadata } = withScale(target, empty, { ...scale, metadata: { name, ...given } });
  const configuration = { ...empty, spec, metadata: { name, ...recordOf(metadata) } };
  const { object } = await apply(registry, whole, configuration, {
    ...options,
    through: 'scale',
    mayCreate: () => Promise.reject(notFound(info, name)),
  });
  return scaleOf(info, object);
}

function scaleOf(info: KindInfo, object: Unstructured): Unstructured {
  const path = info.scale?.specReplicasPath ?? '';
  const wanted = numberAt(object, path);
  if (wanted === undefined)
    throw new ApiError('InternalError', `Internal error occurred: the spec replicas field "${path}" does not exist`);
  return shownScale(info, object, wanted);
}

function shownScale(info: KindInfo, object: Unstructured, otherwise: number): Unstructured {
  const { specReplicasPath = '', statusReplicasPath = '', labelSelectorPath } = info.scale ?? {};
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = labelSelectorPath === undefined ? '' : (textOf(at(object, labelSelectorPath.slice(1))) ?? '');
  return {
    kind: scaleKind.kind,
    apiVersion,
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    },
    spec: { replicas: numberAt(object, specReplicasPath) ?? otherwise },
    status: { replicas: numberAt(object, statusReplicasPath) ?? 0, ...(selector === '' ? {} : { selector }) },
  };
}

function withScale(target: Target, current: Unstructured, scale: unknown): JsonRecord {
  if (!isRecord(scale) || scale.kind !== scaleKind.kind || scale.apiVersion !== apiVersion)
    throw new ApiError('BadRequest', `the object provided is no ${apiVersion}, Kind=${scaleKind.kind}`);
  const metadata = recordOf(scale.metadata);
  const name = textOf(metadata.name) ?? '';
  if (name !== '') checkName(target, name);
  const replicas = recordOf(scale.spec).replicas ?? 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas))
    throw new ApiError(
      'BadRequest',
      'Scale in version "v1" cannot be handled as a Scale: spec.replicas must be a whole number',
    );
  if (replicas < 0)
    throw cause.invalidError(scaleKind, name, [
      cause.invalid('spec.replicas', replicas, 'must be greater than or equal to 0'),
    ]);
  const { resourceVersion: _version, ...own } = current.metadata;
  const version = textOf(metadata.resourceVersion) ?? '';
  const uid = textOf(metadata.uid) ?? '';
  const next = withValue(current, (target.info.scale?.specReplicasPath ?? '').slice(1).split('.'), replicas);
  return {
    ...next,
    metadata: {
      ...own,
      ...(uid === '' ? {} : { uid }),
      ...(version === '' ? {} : { resourceVersion: version }),
    },
  };
}

function withValue(object: JsonRecord, [name = '', ...rest]: readonly string[], value: number): JsonRecord {
  return { ...object, [name]: rest.length === 0 ? value : withValue(recordOf(object[name]), rest, value) };
}

function numberAt(object: Unstructured, path: string): number | undefined {
  const value = at(object, path.slice(1));
  return typeof value === 'number' ? value : undefined;
}
