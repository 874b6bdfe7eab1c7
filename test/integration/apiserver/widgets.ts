// A kind of a user for tests: Widgets in example.com.
import { type Answer, type TestServer, text } from './support.ts';

export const definitionsPath = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** A definition of Widgets in example.com; `spec` and `version` go over what is usual. */
export function widgets(
  spec: Readonly<Record<string, unknown>> = {},
  version: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const names = { plural: 'widgets', kind: 'Widget', shortNames: ['wd'], categories: ['all'] };
  const openAPIV3Schema = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: { size: { type: 'integer' }, color: { type: 'string' }, replicas: { type: 'integer' } },
      },
      status: { type: 'object', properties: { phase: { type: 'string' }, replicas: { type: 'integer' } } },
    },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names,
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema }, ...version }],
      ...spec,
    },
  };
}

export function widget(name: string, spec: Readonly<Record<string, unknown>> = {}, version = 'v1') {
  return { apiVersion: `example.com/${version}`, kind: 'Widget', metadata: { name }, spec };
}

export const widgetsPath = '/apis/example.com/v1/namespaces/default/widgets';

/** Waits until a definition has a condition. */
export async function established(
  server: TestServer,
  name = 'widgets.example.com',
  type = 'Established',
): Promise<void> {
  const watch = await server.watch(`${definitionsPath}?watch=true&fieldSelector=metadata.name%3D${name}`);
  await watch.wait((events) =>
    text(events.at(-1)?.object.status?.conditions).includes(`"type":"${type}","status":"True"`),
  );
  watch.stop();
}

/** Deletes a definition and waits until it is gone. */
export async function gone(server: TestServer, name = 'widgets.example.com'): Promise<void> {
  const watch = await server.watch(`${definitionsPath}?watch=true&fieldSelector=metadata.name%3D${name}`);
  await server.ask('DELETE', `${definitionsPath}/${name}`);
  await watch.wait((events) => events.at(-1)?.type === 'DELETED');
  watch.stop();
}

/** Makes a definition and waits until it is served. */
export async function define(server: TestServer, body: Record<string, unknown>): Promise<Answer> {
  const answer = await server.ask('POST', definitionsPath, { body });
  if (answer.code !== 201) throw new Error(`the definition was refused: ${answer.text}`);
  await established(server, answer.body.metadata?.name as unknown as string);
  return answer;
}
