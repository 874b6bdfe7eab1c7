// kubectl describe and events.
import { expect } from 'chai';
import { flow, flowPath, secret } from './manifests.ts';
import { kubectls } from './suite.ts';

kubectls('describe and events', ({ check, checkNew, setUp }) => {
  setUp(async (k, server) => {
    await k.feed(flow('flow', ', labels: { app: x }, annotations: { note: b }')).ok('create', '-f', '-');
    await k.feed(flow('flow2')).ok('create', '-f', '-');
    const { metadata } = await server.read(flowPath(k.tag, 'flow'));
    const now = new Date().toISOString();
    const event = (name: string, type: string, reason: string, message: string) => ({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace: k.tag },
      involvedObject: {
        apiVersion: 'runink.io/v1',
        kind: 'Pipeline',
        namespace: k.tag,
        name: 'flow',
        uid: metadata?.['uid'],
      },
      reason,
      message,
      type,
      count: 3,
      source: { component: 'pipelines' },
      firstTimestamp: now,
      lastTimestamp: now,
    });
    for (const [name, type, reason, message] of [
      ['flow.1', 'Warning', 'Unresolved', 'contract missing'],
      ['flow.2', 'Normal', 'Resolved', 'all is there'],
    ] as const)
      expect(await k.feed(JSON.stringify(event(name, type, reason, message))).run('create', '-f', '-')).to.include({
        code: 0,
      });
  });

  check('describe one of our kinds, with its events', async (k) => {
    const told = await k.ok('describe', 'pipeline', 'flow');
    expect(told).to.match(new RegExp(`^Name: +flow\nNamespace: +${k.tag}\nLabels: +app=x\nAnnotations: +note: b\n`));
    expect(told)
      .to.match(/^API Version: +runink\.io\/v1$/m)
      .and.to.match(/^Kind: +Pipeline$/m)
      .and.to.match(/^ +Where: +true$/m)
      .and.to.match(/^Events:$/m)
      .and.to.match(/^ +Warning +Unresolved .* pipelines +contract missing$/m);
    expect(await k.ok('describe', 'pl/flow', '--show-events=false')).to.not.include('Unresolved');
  });

  check('describe by prefix, label, file, and all of a kind', async (k) => {
    const names = (text: string): readonly string[] =>
      [...text.matchAll(/^Name: +(\S+)$/gm)].map((match) => match[1] ?? '');
    expect(names(await k.ok('describe', 'pl'))).to.deep.equal(['flow', 'flow2']);
    expect(names(await k.ok('describe', 'pl', '-l', 'app=x'))).to.deep.equal(['flow']);
    expect(names(await k.ok('describe', 'pl', 'flow', 'flow2'))).to.deep.equal(['flow', 'flow2']);
    expect(names(await k.ok('describe', 'pl', 'flo'))).to.deep.equal(['flow', 'flow2']);
    expect(names(await k.ok('describe', '-f', await k.file('flow2.yaml', flow('flow2'))))).to.deep.equal(['flow2']);
    expect(await k.fails('describe', 'pl', 'none')).to.equal(
      'Error from server (NotFound): pipelines.runink.io "none" not found\n',
    );
  });

  check('describe a secret without what is in it', async (k) => {
    await k.feed(secret('key', '', '{ password: aHVudGVyMg== }')).ok('create', '-f', '-');
    const told = await k.ok('describe', 'secret', 'key');
    expect(told).to.match(/^Type: +Opaque\n\nData\n====\npassword: +7 bytes$/m);
    expect(told).to.not.include('hunter2').and.to.not.include('aHVudGVyMg==');
  });

  check('describe namespaces, herds, service accounts', async (k) => {
    expect(await k.ok('describe', 'ns', 'default')).to.match(/^Name: +default\nLabels: +.*\n(.*\n)*Status: +Active\n/);
    expect(await k.ok('describe', 'herd', k.tag)).to.match(new RegExp(`^Name: +${k.tag}\n`));
    expect(await k.ok('describe', 'sa', 'default')).to.match(/^Name: +default\n/);
  });

  check('get events', async (k) => {
    const all = await k.ok('get', 'events');
    expect(all).to.match(/^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n/);
    expect(all).to.match(/^\d+s +Warning +Unresolved +pipeline\/flow +contract missing$/m);
    const wide = await k.ok('get', 'events', '-o', 'wide');
    expect(wide).to.match(/^LAST SEEN +TYPE +REASON +OBJECT +SUBOBJECT +SOURCE +MESSAGE +FIRST SEEN +COUNT +NAME\n/);
    expect(wide).to.match(
      /^\d+s +Warning +Unresolved +pipeline\/flow +pipelines +contract missing +\d+s +3 +flow\.1$/m,
    );
    expect(await k.ok('get', 'ev', '--field-selector=type=Warning', '-o', 'name')).to.equal('event/flow.1\n');
    expect(await k.ok('get', 'ev', '--field-selector=involvedObject.name=flow,reason=Resolved', '-o', 'name')).to.equal(
      'event/flow.2\n',
    );
    expect(await k.ok('get', 'ev', '--field-selector=involvedObject.kind=Run', '-o', 'name')).to.equal('');
    expect(await k.ok('get', 'events', '--sort-by=.reason', '-o', 'jsonpath={.items[*].reason}')).to.equal(
      'Resolved Unresolved',
    );
  });

  checkNew('events', async (k) => {
    expect(await k.ok('events')).to.match(/^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n/);
    expect(await k.ok('events', '--for', 'pipeline/flow')).to.match(
      /Warning +Unresolved +Pipeline\/flow +contract missing/,
    );
    expect(await k.ok('events', '--types=Warning', '--no-headers')).to.match(/^.* Warning +Unresolved .*\n$/);
    expect((await k.run('events', '--for', 'pipeline/flow2')).stderr).to.equal(
      `No events found in ${k.tag} namespace.\n`,
    );
    expect(await k.ok('events', '-A')).to.match(new RegExp(`^NAMESPACE .*\n(.*\n)*${k.tag} `));
    expect(JSON.parse(await k.ok('events', '-o', 'json')))
      .to.have.property('items')
      .with.lengthOf(2);
  });
});
