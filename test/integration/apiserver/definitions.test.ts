// CustomResourceDefinitions over a real server: registered, established, served in several versions, deleted.
import { expect } from 'chai';
import { type Answer, startTestServer, type TestServer, text } from './support.ts';

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

describe('apiserver: definitions', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.close());
  const define = async (body: unknown): Promise<Answer> => {
    const answer = await server.ask('POST', definitionsPath, { body });
    expect(answer.code, answer.text).to.equal(201);
    return answer;
  };

  it('are completed, established at once, and served without restart', async () => {
    expect((await server.ask('GET', widgetsPath)).code).to.equal(404);
    const made = await define(widgets());
    expect(made.body.spec?.names).to.deep.include({ singular: 'widget', listKind: 'WidgetList' });
    expect(made.body.spec?.conversion).to.deep.equal({ strategy: 'None' });
    expect(made.body.status?.storedVersions).to.deep.equal(['v1']);
    await established(server);
    const created = await server.ask('POST', widgetsPath, { body: widget('a', { size: 1, other: 2 }) });
    expect(created.code, created.text).to.equal(201);
    expect(created.body.spec).to.deep.equal({ size: 1 });
    expect(created.body.metadata?.generation).to.equal(1);
    const listed = await server.ask('GET', widgetsPath);
    expect([listed.body.kind, (listed.body.items as unknown as unknown[]).length]).to.deep.equal(['WidgetList', 1]);
    await gone(server);
    expect((await server.ask('GET', widgetsPath)).code).to.equal(404);
  });
});
