import { expect } from 'chai';
import type { Pipeline } from '../../apis/index.ts';
import { resolve, type Seen } from './resolve.ts';

const seen: Seen = {
  contract: (reference) =>
    reference === 'flight@^1'
      ? { object: 'flight-1.0.0', schemaHash: 'abc' }
      : { problem: `contract "${reference}" does not exist` },
  bundle: (name) =>
    name === 'code-0123456789' ? { hash: 'f'.repeat(64), format: 'module', exports: ['Score'] } : undefined,
  hasSecret: (name) => name === 'key',
  volumes: ['data'],
};

type Spec = Pipeline['spec'];
const pipeline = (spec: Partial<Spec>): Pipeline => ({
  apiVersion: 'runink.io/v1',
  kind: 'Pipeline',
  metadata: { name: 'p', namespace: 'h' },
  spec: { steps: [{ name: 'copy', use: 'exec', with: { command: ['cat'] } }], ...spec },
});
const source = { name: 'in', uri: 'file://data/in.ndjson' } as const;
const keep = { name: 'keep', use: 'filter', from: ['in'], with: { where: 'record.a > 1' } } as const;
const sink = { name: 'out', from: 'keep', uri: 'file://data/out.ndjson' } as const;

function planOf(spec: Partial<Spec>) {
  const resolution = resolve(pipeline(spec), seen);
  if (resolution.kind === 'refused') throw new Error(JSON.stringify(resolution.problems));
  return resolution.plan;
}

describe('resolve: sizes of slices', () => {
  const rules = { defaults: { cpu: '200m', pids: 40 }, minimum: { cpu: '150m', memory: '128Mi' } };
  const resources = { cpu: '150m', memory: '1Gi', pids: 8 };
  const names = (step: object) =>
    pipeline({ steps: [{ name: 'copy', use: 'exec', with: { command: ['cat'] }, ...step }] });
  for (const [title, step, slices, sizes] of [
    ['are our own where nobody says more', {}, undefined, [100, 1000, 64 * 1024 ** 2, 32]],
    ['are what the step names', { resources }, rules, [150, 150, 1024 ** 3, 8]],
    [
      'are the defaults of the herd where it names none',
      {},
      { defaults: rules.defaults },
      [200, 200, 64 * 1024 ** 2, 40],
    ],
    ['are the minimum where ours are less', {}, { minimum: rules.minimum }, [150, 1000, 128 * 1024 ** 2, 32]],
    ['are each judged alone', { resources: { cpu: '2' } }, rules, [2000, 2000, 128 * 1024 ** 2, 40]],
    ['leave a whole cpu and more to the minimum', {}, { minimum: { cpu: 3 } }, [3000, 3000, 64 * 1024 ** 2, 32]],
  ] as const)
    it(title, () => {
      const resolution = resolve(names(step), { ...seen, ...(slices !== undefined && { slices }) });
      const plan = resolution.kind === 'plan' ? resolution.plan.steps[0] : undefined;
      expect([plan?.cpuMillis, plan?.cpuLimitMillis, plan?.memoryBytes, plan?.pids]).to.deep.equal(sizes);
    });

  it('refuses a step that names less than the minimum, by name and field', () => {
    const small = names({ resources: { cpu: '100m', memory: '64Mi' } });
    expect(resolve(small, { ...seen, slices: rules })).to.deep.equal({
      kind: 'refused',
      problems: [
        {
          path: 'spec.steps[0].resources.cpu',
          message:
            'step "copy" names 100m, and slices of this herd have at least 150m (spec.slices.minimum.cpu of the Herd)',
        },
        {
          path: 'spec.steps[0].resources.memory',
          message:
            'step "copy" names 64Mi, and slices of this herd have at least 128Mi (spec.slices.minimum.memory of the Herd)',
        },
      ],
    });
  });
});

describe('resolve', () => {
  it('resolves file to file', () => {
    expect(planOf({ sources: [source], steps: [keep], sinks: [sink] })).to.deep.equal({
      groups: [{ name: 'keep', steps: ['keep'], after: [], retryMax: 3, backoffMs: 1000 }],
      steps: [
        {
          name: 'keep',
          group: 'keep',
          use: 'filter',
          runtime: 'node',
          with: { where: 'record.a > 1' },
          inputs: [
            {
              name: 'in',
              kind: 'file',
              uri: 'file://data/in.ndjson',
              volume: 'data',
              path: 'in.ndjson',
              format: 'ndjson',
            },
          ],
          outputs: [
            {
              kind: 'file',
              sink: 'out',
              uri: 'file://data/out.ndjson',
              volume: 'data',
              path: 'out.ndjson',
              format: 'ndjson',
            },
          ],
          cpuMillis: 100,
          cpuLimitMillis: 1000,
          memoryBytes: 268_435_456,
          pids: 64,
        },
      ],
      parameters: {},
    });
  });
  it('runs an exec step on plain streams without Node, and one behind a csv file with it', () => {
    const exec = { name: 'run', use: 'exec', from: ['in'], with: { command: ['cat'] } } as const;
    expect(planOf({ sources: [source], steps: [exec] }).steps[0]?.runtime).to.equal('native');
    expect(planOf({ sources: [{ ...source, format: 'csv' }], steps: [exec] }).steps[0]?.runtime).to.equal('node');
  });
  it('checks a source at the validate step behind it, and only there', () => {
    const plan = planOf({
      sources: [{ ...source, contract: 'flight@^1' }],
      steps: [{ name: 'valid', use: 'validate', from: ['in'] }],
    });
    expect(plan.steps[0]).to.include({ contract: 'flight-1.0.0', schemaHash: 'abc' });
    expect(plan.steps[0]?.inputs[0]).not.to.have.property('contract');
  });
  it('checks a source as it is read when no validate step follows', () => {
    const plan = planOf({ sources: [{ ...source, contract: 'flight@^1' }], steps: [keep] });
    expect(plan.steps[0]?.inputs[0]).to.include({ contract: 'flight-1.0.0', schemaHash: 'abc' });
  });
  it('lets a source wait for the sink that writes it', () => {
    const plan = planOf({
      sources: [source, { name: 'mid', uri: 'file://data/out.ndjson' }],
      steps: [{ name: 'second', use: 'dedupe', from: ['mid'], with: { by: ['a'] } }, keep],
      sinks: [sink],
    });
    expect(plan.groups.map((group) => [group.name, group.after])).to.deep.equal([
      ['keep', []],
      ['second', ['keep']],
    ]);
  });
  it('gives each further group a dead-letter file of its own', () => {
    const plan = planOf({
      sources: [source],
      steps: [keep, { ...keep, name: 'again', after: ['keep'] }],
      deadLetters: [{ uri: 'file://data/out/dead.ndjson' }],
    });
    expect(plan.groups.map((group) => group.deadLetters?.path)).to.deep.equal([
      'out/dead.ndjson',
      'out/dead-again.ndjson',
    ]);
  });
  it('puts the lookup side of a join last', () => {
    const plan = planOf({
      sources: [{ name: 'side', uri: 'file://data/side.csv', format: 'csv', lookup: true }, source],
      steps: [{ name: 'both', use: 'join', from: ['side', 'in'], with: { kind: 'left', on: 'in.a == side.b' } }],
    });
    expect(plan.steps[0]?.inputs.map((input) => input.name)).to.deep.equal(['in', 'side']);
  });

  for (const [title, spec, path, message] of [
    [
      'a missing input',
      { steps: [{ ...keep, from: ['nope'] }] },
      'spec.steps[0].from[0]',
      'no source or step is named "nope" (there are: keep)',
    ],
    [
      'a missing contract',
      { sources: [{ ...source, contract: 'x@1' }], steps: [keep] },
      'spec.sources[0].contract',
      'contract "x@1" does not exist',
    ],
    [
      'a missing bundle',
      { sources: [source], steps: [{ name: 'm', bundle: 'b', export: 'X', from: ['in'] }] },
      'spec.steps[0].bundle',
      'bundle "b" does not exist; runictl apply makes it from a path',
    ],
    [
      'a missing export',
      { sources: [source], steps: [{ name: 'm', bundle: 'code-0123456789', export: 'X', from: ['in'] }] },
      'spec.steps[0].export',
      'bundle "code-0123456789" has no export "X" (it has: Score)',
    ],
    [
      'a missing secret',
      { steps: [{ name: 'e', use: 'exec', with: { command: ['cat'] }, secrets: [{ name: 's' }] }] },
      'spec.steps[0].secrets[0].name',
      'secret "s" does not exist in herd "h"',
    ],
    [
      'a step waiting for none',
      { steps: [{ name: 'e', use: 'exec', with: { command: ['cat'] }, after: ['z'] }] },
      'spec.steps[0].after[0]',
      'step "z" does not exist',
    ],
    [
      'a sink from none',
      { sources: [source], steps: [keep], sinks: [{ ...sink, from: 'z' }] },
      'spec.sinks[0].from',
      'step "z" does not exist',
    ],
    [
      'a volume the herd may not use',
      { sources: [{ ...source, uri: 'file://etc/passwd' }], steps: [keep] },
      'spec.sources[0].uri',
      'the herd may not use volume "etc" (spec.volumes of the Herd: data)',
    ],
    [
      'a path that climbs',
      { sources: [{ ...source, uri: 'file://data/../x' }], steps: [keep] },
      'spec.sources[0].uri',
      'path "../x" must be relative to the volume, without empty, . or .. parts, at most 1024 characters',
    ],
    [
      'two sinks on one file',
      { sources: [source], steps: [keep], sinks: [sink, { ...sink, name: 'o2' }] },
      'spec.sinks[1].uri',
      'another sink or the dead letters write the same file',
    ],
    [
      'a step that is nothing',
      { sources: [source], steps: [{ name: 'n', from: ['in'] }] },
      'spec.steps[0].use',
      'a step needs use (a built-in) or bundle and export (a module)',
    ],
    [
      'a built-in without records',
      { steps: [{ ...keep, from: [] }] },
      'spec.steps[0].from',
      'is required: only an exec step can do without records',
    ],
    [
      'too little memory',
      { sources: [source], steps: [{ ...keep, resources: { memory: '1Mi' } }] },
      'spec.steps[0].resources.memory',
      'must be at least 64Mi for this step',
    ],
    [
      'a quantity that is none',
      { sources: [source], steps: [{ ...keep, resources: { cpu: 'much' } }] },
      'spec.steps[0].resources.cpu',
      'quantity "much" must be a number with an optional suffix such as m, k, Mi or Gi',
    ],
  ] as const satisfies readonly (readonly [string, Partial<Spec>, string, string])[]) {
    it(`refuses ${title}, naming the field`, () => {
      const resolution = resolve(pipeline(spec), seen);
      expect(resolution.kind === 'refused' ? resolution.problems : []).to.deep.include({ path, message });
    });
  }
});
