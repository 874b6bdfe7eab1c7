const label = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;

/** Why `name` is no RFC 1035 label (names of kinds and versions), in Kubernetes' words; undefined when it is one. */
export function dns1035Problem(name: string): string | undefined {
  const problems: string[] = [];
  if (name.length > 63) problems.push('must be no more than 63 characters');
  if (!label.test(name))
    problems.push(
      "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
    );
  return problems.length === 0 ? undefined : problems.join(',');
}
