// What the checks make: small objects in YAML, as users write them.

/** A pipeline that never starts. */
export function flow(name: string, more = ''): string {
  return `apiVersion: runink.io/v1
kind: Pipeline
metadata: { name: ${name}${more} }
spec:
  suspend: true
  sources: [{ name: in, uri: "file://data/in.ndjson" }]
  steps:
  - { name: a, use: filter, from: [in], with: { where: "true" } }
  sinks: [{ name: out, from: a, uri: "file://data/out.ndjson" }]
`;
}

/** A secret with one value, which is `a` unless told. */
export function secret(name: string, more = '', data = '{ a: YQ== }'): string {
  return `apiVersion: v1\nkind: Secret\nmetadata: { name: ${name}${more} }\ndata: ${data}\n`;
}

/** Several documents in one file. */
export function documents(...texts: readonly string[]): string {
  return texts.join('---\n');
}

/** The path of a pipeline, for looking at what became of it. */
export function flowPath(namespace: string, name = ''): string {
  return `/apis/runink.io/v1/namespaces/${namespace}/pipelines${name === '' ? '' : `/${name}`}`;
}

/** The path of a secret. */
export function secretPath(namespace: string, name = ''): string {
  return `/api/v1/namespaces/${namespace}/secrets${name === '' ? '' : `/${name}`}`;
}
