// What may be wrong with a definition beyond its own schema, in Kubernetes' words
// (https://pkg.go.dev/k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation). Pure.
import {
  type CustomResourceDefinition,
  type CustomResourceNames,
  isEstablished,
  type StatusCause,
  subdomainProblem,
} from '../../apis/index.ts';
import { jsonEqual } from '../json.ts';
import * as cause from '../schema/causes.ts';
import { dns1035Problem } from './names.ts';
import { type Places, versionProblems } from './version-validation.ts';

type Spec = CustomResourceDefinition['spec'];

/** Everything that is wrong; `before` is what is stored, for an update. */
export function definitionProblems(
  definition: CustomResourceDefinition,
  before: CustomResourceDefinition | undefined,
): StatusCause[] {
  const { metadata, spec } = definition;
  const name = metadata.name ?? '';
  const isNamedAsMust = name === `${spec.names.plural}.${spec.group}`;
  return [
    ...(isNamedAsMust ? [] : [cause.invalid('metadata.name', name, 'must be spec.names.plural+"."+spec.group')]),
    ...groupProblems(spec.group),
    ...scopeProblems(spec.scope),
    ...versionsProblems(spec, before),
    ...requiredNames(spec.names),
    ...namesProblems(spec.names, 'spec.names'),
    ...conversionProblems(spec),
    ...(spec.preserveUnknownFields === true
      ? [
          cause.invalid(
            'spec.preserveUnknownFields',
            true,
            'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
          ),
        ]
      : []),
    ...(before === undefined ? [] : immutableProblems(definition, before)),
    ...storedVersionsProblems(definition.status?.storedVersions ?? [], spec.versions),
    ...approvalProblems(definition, before),
  ];
}

function groupProblems(group: string): StatusCause[] {
  if (group === '') return [cause.required('spec.group')];
  const problem = subdomainProblem(group);
  if (problem !== undefined) return [cause.invalid('spec.group', group, problem)];
  return group.includes('.') ? [] : [cause.invalid('spec.group', group, 'should be a domain with at least one dot')];
}

function scopeProblems(scope: string): StatusCause[] {
  if (scope === '') return [cause.required('spec.scope')];
  const known = ['Cluster', 'Namespaced'];
  return known.includes(scope) ? [] : [cause.notSupported('spec.scope', scope, known)];
}

function versionsProblems({ versions }: Spec, before: CustomResourceDefinition | undefined): StatusCause[] {
  const field = 'spec.versions';
  const problems = versions.flatMap((version, index) =>
    versionProblems(
      version,
      placesOf(versions, index),
      before?.spec.versions.find(({ name }) => name === version.name),
    ),
  );
  const names = versions.map(({ name }) => name);
  if (new Set(names).size !== names.length)
    problems.push(cause.invalid(field, versions, 'must contain unique version names'));
  if (versions.filter(({ storage }) => storage).length !== 1)
    problems.push(cause.invalid(field, versions, 'must have exactly one version marked as storage version'));
  return problems;
}

/** What is the same in all versions Kubernetes names once, as of no version. */
function placesOf(versions: Spec['versions'], index: number): Places {
  const at = `spec.versions[${index}]`;
  const place = (values: readonly unknown[], own: string, common: string): string | undefined => {
    const isCommon = values.every((value) => value !== undefined && jsonEqual(value, values[0]));
    if (!isCommon) return own;
    return index === 0 ? common : undefined;
  };
  return {
    version: at,
    schema: place(
      versions.map(({ schema }) => schema),
      `${at}.schema`,
      'spec.validation',
    ),
    subresources: place(
      versions.map(({ subresources }) => subresources),
      `${at}.subresources`,
      'spec.subresources',
    ),
    columns: place(
      versions.map(({ additionalPrinterColumns }) => additionalPrinterColumns),
      `${at}.additionalPrinterColumns`,
      'spec.additionalPrinterColumns',
    ),
    selectable: place(
      versions.map(({ selectableFields }) => selectableFields),
      `${at}.selectableFields`,
      'spec.selectableFields',
    ),
  };
}

function requiredNames(names: CustomResourceNames): StatusCause[] {
  const needed = ['plural', 'singular', 'kind', 'listKind'] as const;
  return needed.filter((key) => !names[key]).map((key) => cause.required(`spec.names.${key}`));
}

function namesProblems(names: CustomResourceNames, field: string): StatusCause[] {
  const { plural, singular = '', kind, listKind = '', shortNames = [], categories = [] } = names;
  const label = (path: string, value: string, words = ''): StatusCause[] => {
    const problem = value === '' ? undefined : dns1035Problem(words === '' ? value : value.toLowerCase());
    return problem === undefined ? [] : [cause.invalid(`${field}.${path}`, value, `${words}${problem}`)];
  };
  const mixed = 'may have mixed case, but should otherwise match: ';
  const each = (path: string, values: readonly string[]) =>
    values.flatMap((value, index) => {
      const problem = dns1035Problem(value);
      return problem === undefined ? [] : [cause.invalid(`${field}.${path}[${index}]`, value, problem)];
    });
  return [
    ...label('plural', plural),
    ...label('singular', singular),
    ...label('kind', kind, mixed),
    ...label('listKind', listKind, mixed),
    ...each('shortNames', shortNames),
    ...(kind !== '' && kind === listKind
      ? [cause.invalid(`${field}.listKind`, listKind, 'kind and listKind may not be the same')]
      : []),
    ...each('categories', categories),
  ];
}

function conversionProblems({ conversion }: Spec): StatusCause[] {
  if (conversion === undefined) return [];
  const { strategy, webhook } = conversion;
  if (strategy === '') return [cause.required('spec.conversion.strategy')];
  // Kubernetes also has Webhook; no server of ours calls out.
  if (strategy !== 'None') return [cause.notSupported('spec.conversion.strategy', strategy, ['None'])];
  if (webhook === undefined) return [];
  return [cause.forbidden('spec.conversion.webhook', 'should not be set when strategy is not set to Webhook')];
}

function immutableProblems(definition: CustomResourceDefinition, before: CustomResourceDefinition): StatusCause[] {
  const [spec, old] = [definition.spec, before.spec];
  const fields: readonly (readonly [string, string, string])[] = [
    ...(isEstablished(before)
      ? ([
          ['spec.scope', spec.scope, old.scope],
          ['spec.names.kind', spec.names.kind, old.names.kind],
        ] as const)
      : []),
    ['spec.group', spec.group, old.group],
    ['spec.names.plural', spec.names.plural, old.names.plural],
  ];
  return fields
    .filter(([, now, was]) => now !== was)
    .map(([field, now]) => cause.invalid(field, now, 'field is immutable'));
}

/** A version that objects may be stored in must not be forgotten, and the one that they are written in is one of these. */
function storedVersionsProblems(stored: readonly string[], versions: Spec['versions']): StatusCause[] {
  const field = 'status.storedVersions';
  if (stored.length === 0) return [cause.invalid(field, stored, 'must have at least one stored version')];
  const known = new Set(versions.map(({ name }) => name));
  return [
    ...versions
      .filter(({ name, storage }) => storage && !stored.includes(name))
      .map(({ name }) => cause.invalid(field, stored, `must have the storage version ${name}`)),
    ...stored.flatMap((name, index) =>
      known.has(name)
        ? []
        : [
            cause.invalid(
              `${field}[${index}]`,
              name,
              `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
            ),
          ],
    ),
  ];
}

const approvalKey = 'api-approved.kubernetes.io';

/** Groups of Kubernetes' own domains are given out by its project. */
function approvalProblems(
  { metadata, spec }: CustomResourceDefinition,
  before: CustomResourceDefinition | undefined,
): StatusCause[] {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(spec.group)) return [];
  const value = metadata.annotations?.[approvalKey] ?? '';
  if (before !== undefined && jsonEqual(before.metadata.annotations?.[approvalKey] ?? '', value)) return [];
  const field = `metadata.annotations[${approvalKey}]`;
  const where = 'see https://github.com/kubernetes/enhancements/pull/1111';
  const words = `protected groups must have approval annotation "${approvalKey}"`;
  if (value === '') return [cause.required(field, `${words}, ${where}`)];
  if (value.startsWith('unapproved') || URL.canParse(value)) return [];
  return [cause.invalid(field, value, `${words} with either a URL or a reason starting with "unapproved", ${where}`)];
}
