// kubectl apply --server-side: who owns what, conflicts and force, and the way over from what the client applied itself.
import { expect } from 'chai';
import { flow, flowPath, secret, secretPath } from './manifests.ts';
import { type Json, kubectls } from './suite.ts';

const serverSide = ['apply', '--server-side', '-f', '-'] as const;
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** `MANAGER OPERATION`, in order. */
function ownersOf(object: Json): string[] {
  const entries: unknown = object['metadata']?.['managedFields'];
  const list: readonly Json[] = Array.isArray(entries) ? entries : [];
  return list.map((entry) => `${String(entry['manager'])} ${String(entry['operation'])}`);
}

kubectls('apply on the server’s side', ({ check, checkNew }) => {
  check('makes, leaves alone, and takes away what is left out', async (k, server) => {
    const apply = (text: string) => k.feed(text).ok(...serverSide);
    const said = 'pipeline.runink.io/one serverside-applied\n';
    expect(await apply(flow('one', ', labels: { a: "1", b: "2" }'))).to.equal(said);
    const made = await server.read(flowPath(k.tag, 'one'));
    expect(ownersOf(made)).to.deep.equal(['kubectl Apply']);
    expect(made['metadata']?.['annotations']).to.equal(undefined);
    expect(await apply(flow('one', ', labels: { a: "1", b: "2" }'))).to.equal(said);
    expect(await server.read(flowPath(k.tag, 'one'))).to.deep.equal(made);
    await k.ok('label', 'pl', 'one', 'theirs=3');
    await apply(flow('one', ', labels: { a: "1" }'));
    const left = await server.read(flowPath(k.tag, 'one'));
    expect(left['metadata']?.['labels']).to.deep.equal({ a: '1', theirs: '3' });
  });

  check('is refused what others own, by name, and takes it by force', async (k, server) => {
    await k.feed(flow('held')).ok(...serverSide);
    await k.ok('patch', 'pl', 'held', '--type=merge', '-p', '{"spec":{"suspend":false}}', '--field-manager=hand');
    const why = await k.feed(flow('held')).fails(...serverSide);
    expect(why).to.match(
      /^(error: )?Apply failed with 1 conflict: conflict with "[^"]+" using runink\.io\/v1: \.spec\.suspend\n/,
    );
    await k.feed(flow('held')).ok(...serverSide, '--force-conflicts');
    const taken = await server.read(flowPath(k.tag, 'held'));
    expect(taken).to.have.nested.property('spec.suspend', true);
    expect(ownersOf(taken)).to.deep.equal(['kubectl Apply']);
    await k.feed(flow('held')).ok(...serverSide, '--field-manager=second');
    expect(ownersOf(await server.read(flowPath(k.tag, 'held')))).to.have.members(['kubectl Apply', 'second Apply']);
  });

  check('applies secrets in clear text twice, and only tries at the server', async (k, server) => {
    const text = secret('s').replace('data: { a: YQ== }', 'stringData: { a: a }');
    expect(await k.feed(text).ok(...serverSide, '--dry-run=server')).to.equal(
      'secret/s serverside-applied (server dry run)\n',
    );
    expect(await server.read(secretPath(k.tag, 's'))).to.have.property('code', 404);
    await k.feed(text).ok(...serverSide);
    const made = await server.read(secretPath(k.tag, 's'));
    await k.feed(text).ok(...serverSide);
    expect(await server.read(secretPath(k.tag, 's'))).to.deep.equal(made);
    expect(made['data']).to.deep.equal({ a: 'YQ==' });
  });

  check('goes over from what the client applied itself', async (k, server) => {
    await k.feed(flow('moved')).ok('apply', '-f', '-');
    const next = flow('moved').replace('"true"', '"false"').replace('  suspend: true\n', '');
    await k.feed(next).ok(...serverSide);
    const moved = await server.read(flowPath(k.tag, 'moved'));
    expect(moved).to.have.nested.property('spec.steps[0].with.where', 'false');
    expect(moved['metadata']?.['annotations']).to.have.property(lastApplied);
    // The newer one hands its fields over to the server first, so that what is left out goes.
    if (!k.isOld) expect(moved).to.not.have.nested.property('spec.suspend');
  });

  checkNew('shows owners only when asked', async (k) => {
    await k.feed(flow('shown')).ok(...serverSide);
    expect(await k.ok('get', 'pl', 'shown', '-o', 'yaml')).to.not.include('managedFields');
    expect(await k.ok('get', 'pl', 'shown', '-o', 'yaml', '--show-managed-fields')).to.include('f:suspend: {}');
    expect(
      await k.feed(flow('shown').replace('"true"', '"false"')).run('diff', '--server-side', '-f', '-'),
    ).to.have.property('code', 1);
  });
});
