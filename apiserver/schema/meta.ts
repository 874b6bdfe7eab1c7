// Rules for metadata that no schema can say, in Kubernetes' words
// (https://pkg.go.dev/k8s.io/apimachinery/pkg/api/validation).
import { type KindInfo, kinds, labelProblem, type StatusCause, subdomainProblem } from '../../apis/index.ts';
import { arrayOf, isRecord, type JsonRecord, recordOf, stringsOf, textOf } from '../json.ts';
import * as cause from './causes.ts';

const annotationsBytesMax = 256 * 1024;
const namePart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const namePartWords =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const labelValueWords =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/** Why `name` cannot name an object of a kind, or undefined. Herds are RFC 1123 labels, others subdomains. */
export function nameProblem(info: KindInfo, name: string): string | undefined {
  return info === kinds.herds || info === kinds.namespaces ? labelProblem(name) : subdomainProblem(name);
}

/** What is wrong with the metadata of an object. */
export function metaProblems(info: KindInfo, metadata: JsonRecord): StatusCause[] {
  return [
    ...nameProblems(info, textOf(metadata.name) ?? ''),
    ...labelProblems(recordOf(metadata.labels), 'metadata.labels'),
    ...annotationProblems(recordOf(metadata.annotations)),
    ...stringsOf(metadata.finalizers).flatMap((name) =>
      qualifiedNameProblems(name).map((problem) => cause.invalid('metadata.finalizers', name, problem)),
    ),
    ...ownerProblems(arrayOf(metadata.ownerReferences)),
  ];
}

/** Why `name` is no qualified name (`prefix/name`), in as many sentences as there are reasons. */
export function qualifiedNameProblems(name: string): string[] {
  const parts = name.split('/');
  const problems: string[] = [];
  if (parts.length > 2) {
    return [
      `a qualified name ${namePartWords.slice('name part '.length)} with an optional DNS subdomain prefix and '/'`,
    ];
  }
  const local = parts[parts.length - 1] ?? '';
  if (parts.length === 2) {
    const prefix = parts[0] ?? '';
    if (prefix === '') problems.push('prefix part must be non-empty');
    else {
      const problem = subdomainProblem(prefix);
      if (problem !== undefined) problems.push(`prefix part ${problem}`);
    }
  }
  if (local === '') problems.push('name part must be non-empty');
  else if (local.length > 63) problems.push('name part must be no more than 63 characters');
  if (!namePart.test(local)) problems.push(namePartWords);
  return problems;
}

/** Why `value` is no label value, or undefined. */
export function labelValueProblem(value: string): string | undefined {
  if (value.length > 63) return 'must be no more than 63 characters';
  return value === '' || namePart.test(value) ? undefined : labelValueWords;
}

function nameProblems(info: KindInfo, name: string): StatusCause[] {
  if (name === '') return [cause.required('metadata.name', 'name or generateName is required')];
  const problem = nameProblem(info, name);
  return problem === undefined ? [] : [cause.invalid('metadata.name', name, problem)];
}

function labelProblems(labels: JsonRecord, field: string): StatusCause[] {
  return Object.entries(labels).flatMap(([key, value]) => {
    const problems = qualifiedNameProblems(key).map((problem) => cause.invalid(field, key, problem));
    const problem = typeof value === 'string' ? labelValueProblem(value) : undefined;
    return problem === undefined ? problems : [...problems, cause.invalid(field, value, problem)];
  });
}

function annotationProblems(annotations: JsonRecord): StatusCause[] {
  let bytes = 0;
  const problems: StatusCause[] = [];
  for (const [key, value] of Object.entries(annotations)) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(textOf(value) ?? '');
    for (const problem of qualifiedNameProblems(key.toLowerCase())) {
      problems.push(cause.invalid('metadata.annotations', key, problem));
    }
  }
  if (bytes > annotationsBytesMax) problems.push(cause.tooLong('metadata.annotations', annotationsBytesMax));
  return problems;
}

function ownerProblems(owners: readonly unknown[]): StatusCause[] {
  const problems: StatusCause[] = [];
  for (const [index, owner] of owners.entries()) {
    if (!isRecord(owner)) continue;
    const field = `metadata.ownerReferences[${index}]`;
    for (const key of ['apiVersion', 'kind', 'name', 'uid']) {
      if (owner[key] === '') problems.push(cause.invalid(`${field}.${key}`, '', 'must not be empty'));
    }
  }
  const managers = owners.filter((owner) => isRecord(owner) && owner.controller === true);
  if (managers.length > 1) {
    const field = 'metadata.ownerReferences';
    problems.push(cause.invalid(field, owners, 'Only one reference can have Controller set to true'));
  }
  return problems;
}
