// Selectors of every kind, and watching with kubectl get -w.
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { documents, flow, flowPath } from './manifests.ts';
import { kubectls } from './suite.ts';

const labelled = (name: string, labels: string): string => flow(name, `, labels: { ${labels} }`);

kubectls('selectors and watches', ({ check, checkNew, setUp }) => {
  setUp(async (k) => {
    const all = documents(
      labelled('a', 'app: x, tier: gold'),
      labelled('b', 'app: x, tier: tin'),
      labelled('c', 'app: z'),
      flow('d'),
    );
    await k.feed(all).ok('create', '-f', '-');
  });

  for (const [selector, names] of [
    ['app=x', 'ab'],
    ['app==x', 'ab'],
    ['app!=x', 'cd'],
    ['app in (x,z)', 'abc'],
    ['app notin (x)', 'cd'],
    ['tier', 'ab'],
    ['!tier', 'cd'],
    ['app=x,tier=gold', 'a'],
    ['app in (x),tier notin (gold)', 'b'],
    ['app=none', ''],
  ] as const) {
    check(`-l '${selector}'`, async (k) => {
      expect(await k.ok('get', 'pl', '-l', selector, '-o', 'jsonpath={.items[*].metadata.name}')).to.equal(
        names.split('').join(' '),
      );
    });
  }

  for (const [selector, names] of [
    ['metadata.name=a', 'a'],
    ['metadata.name!=a', 'bcd'],
    ['metadata.name!=a,metadata.name!=b', 'cd'],
  ] as const) {
    check(`--field-selector '${selector}'`, async (k) => {
      const shown = 'jsonpath={.items[*].metadata.name}';
      expect(await k.ok('get', 'pl', '--field-selector', selector, '-o', shown)).to.equal(names.split('').join(' '));
    });
  }

  check('both selectors at once, and one over all herds', async (k) => {
    expect(await k.ok('get', 'pl', '-l', 'app=x', '--field-selector=metadata.name!=a', '-o', 'name')).to.equal(
      'pipeline.runink.io/b\n',
    );
    const everywhere = await k.ok(
      'get',
      'pl',
      '-A',
      `--field-selector=metadata.namespace=${k.tag},metadata.name=d`,
      '-o',
      'name',
    );
    expect(everywhere).to.equal('pipeline.runink.io/d\n');
    expect(await k.ok('get', 'ns', '--field-selector=status.phase=Active', '-o', 'name')).to.include(
      `namespace/${k.tag}\n`,
    );
  });

  check('refuses selectors that cannot be read', async (k) => {
    expect(await k.fails('get', 'pl', '-l', 'a=b=c')).to.match(
      /unable to parse requirement|found '=', expected: ',' or 'end of string'/,
    );
    expect(await k.fails('get', 'pl', '-l', 'app in x')).to.match(/unable to parse requirement|expected: '\('/);
    expect(await k.fails('get', 'pl', '-l', '-bad=x')).to.match(
      /unable to parse requirement|name part must consist of/,
    );
    expect(await k.fails('get', 'pl', '--field-selector=spec.nosuch=1')).to.equal(
      'Error from server (BadRequest): Unable to find "runink.io/v1, Resource=pipelines" that match label selector "", field selector "spec.nosuch=1": field label not supported: spec.nosuch\n',
    );
    expect(await k.fails('get', 'pl', '--field-selector=nosuch')).to.match(
      /invalid selector: 'nosuch'; can't understand 'nosuch'/,
    );
    expect(await k.fails('get', 'pl', 'a', '-l', 'app=x')).to.match(
      /^error: (name cannot be provided when a selector is specified|selectors and the all flag cannot be used)/,
    );
  });

  check('-w shows what is there and each change', async (k, server) => {
    const watch = k.start('get', 'pl', '-l', 'watched=1', '-w');
    const made = {
      apiVersion: 'runink.io/v1',
      kind: 'Pipeline',
      metadata: { name: 'w', labels: { watched: '1' } },
      spec: { steps: [{ name: 'a', use: 'filter' }] },
    };
    // Nothing is printed of an empty beginning, so what is made has to be seen whenever the watch began.
    await server.send('POST', flowPath(k.tag), made);
    await watch.until((lines) => lines.length === 2);
    await server.send(
      'PATCH',
      flowPath(k.tag, 'w'),
      { metadata: { annotations: { a: 'b' } } },
      'application/merge-patch+json',
    );
    await watch.until((lines) => lines.length === 3);
    await server.send(
      'PATCH',
      flowPath(k.tag, 'w'),
      { metadata: { labels: { watched: null } } },
      'application/merge-patch+json',
    );
    const lines = await watch.until((seen) => seen.length === 4);
    expect(lines[0]).to.match(/^NAME +READY/);
    for (const line of lines.slice(1)) expect(line).to.match(/^w +\d+s$/);
    await server.send('DELETE', flowPath(k.tag, 'w'), undefined);
  });

  check('--output-watch-events names each event', async (k, server) => {
    const watch = k.start(
      'get',
      'pl',
      '-w',
      '--output-watch-events',
      '-o',
      'jsonpath={.type}:{.object.metadata.name}{"\\n"}',
    );
    await watch.until((lines) => ['a', 'b', 'c', 'd'].every((name) => lines.includes(`ADDED:${name}`)));
    const made = {
      apiVersion: 'runink.io/v1',
      kind: 'Pipeline',
      metadata: { name: 'e' },
      spec: { steps: [{ name: 'a', use: 'filter' }] },
    };
    await server.send('POST', flowPath(k.tag), made);
    await server.send('PATCH', flowPath(k.tag, 'e'), { spec: { suspend: true } }, 'application/merge-patch+json');
    await server.send('DELETE', flowPath(k.tag, 'e'), undefined);
    await watch.until((lines) => ['ADDED:e', 'MODIFIED:e', 'DELETED:e'].every((line) => lines.includes(line)));
  });

  check('--watch-only shows only what comes', async (k, server) => {
    const watch = k.start('get', 'pl', 'a', '--watch-only', '-o', 'jsonpath={.metadata.labels.count}{"\\n"}');
    let isSeen = false;
    const seen = watch.until((lines) => lines.length >= 2).finally(() => (isSeen = true));
    // When the watch began nobody says, so it is changed until two changes are seen.
    for (let count = 1; !isSeen; count++) {
      const patch = { metadata: { labels: { count: String(count) } } };
      await server.send('PATCH', flowPath(k.tag, 'a'), patch, 'application/merge-patch+json');
      await Promise.race([seen, pause(100)]);
    }
    const [first, second] = await seen;
    expect(first).to.not.equal('');
    expect(Number(second)).to.equal(Number(first) + 1);
  });

  check('-w of one object ends with the time it was given', async (k) => {
    const outcome = await k.run('get', 'pl', 'a', '-w', '-o', 'name', '--request-timeout=4s');
    expect(outcome.stdout).to.match(/^pipeline\.runink\.io\/a\n/);
  });

  checkNew('-w in other forms', async (k) => {
    const yaml = k.start('get', 'pl', 'd', '-w', '-o', 'yaml');
    await yaml.until((lines) => lines.includes('kind: Pipeline') && lines.includes('  name: d'));
    const events = k.start('get', 'pl', 'd', '-w', '--output-watch-events');
    const lines = await events.until((seen) => seen.length === 2);
    expect(lines[0]).to.match(/^EVENT +NAME +READY/);
    expect(lines[1]).to.match(/^ADDED +d /);
  });
});
