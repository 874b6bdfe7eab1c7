import { expect } from 'chai';
import type { Pipeline } from '../../apis/index.ts';
import { planPipeline } from './plan.ts';
import type { Resolution } from './resolve.ts';

const nowMs = Date.parse('2026-01-01T00:00:00Z');
const resolved: Resolution = { kind: 'plan', plan: { groups: [], steps: [] } };
const refused: Resolution = { kind: 'refused', problems: [{ path: 'spec.steps[0].from', message: 'is required' }] };

function pipeline(
  more: { status?: Pipeline['status']; suspend?: boolean; annotations?: Record<string, string> } = {},
): Pipeline {
  return {
    apiVersion: 'runink.io/v1',
    kind: 'Pipeline',
    metadata: { name: 'p', namespace: 'h', uid: 'u', generation: 2, annotations: more.annotations ?? {} },
    spec: { steps: [], ...(more.suspend === undefined ? {} : { suspend: more.suspend }) },
    ...(more.status === undefined ? {} : { status: more.status }),
  };
}
const asked = { 'runink.io/run-requested': 'r1' };

describe('planPipeline', () => {
  for (const [title, given, resolution, runs] of [
    ['starts one run for a new generation', pipeline(), resolved, 1],
    ['starts none for a generation that had one', pipeline({ status: { lastRunGeneration: 2 } }), resolved, 0],
    ['starts none while suspended', pipeline({ suspend: true }), resolved, 0],
    [
      'starts one that was asked for, also while suspended',
      pipeline({ suspend: true, annotations: asked }),
      resolved,
      1,
    ],
    [
      'serves a request once',
      pipeline({ suspend: true, annotations: asked, status: { lastRequest: 'r1' } }),
      resolved,
      0,
    ],
    ['starts nothing it could not resolve', pipeline({ annotations: asked }), refused, 0],
  ] as const) {
    it(title, () => expect(planPipeline(given, () => resolution, nowMs).runs).to.have.lengthOf(runs));
  }

  it('names a run for its cause, so that deciding twice makes one', () => {
    const [first, second] = [
      planPipeline(pipeline(), () => resolved, nowMs),
      planPipeline(pipeline(), () => resolved, nowMs + 9),
    ];
    expect(first.runs[0]?.metadata.name)
      .to.match(/^p-[0-9a-z]{5}$/)
      .and.to.equal(second.runs[0]?.metadata.name);
    expect(first.status.lastRun).to.equal(first.runs[0]?.metadata.name);
  });
  it('gives the parameters of a request to the plan', () => {
    const annotations = { 'runink.io/run-requested': '{"id":"r2","parameters":{"day":"1"}}' };
    const given: unknown[] = [];
    planPipeline(pipeline({ suspend: true, annotations }), (parameters) => (given.push(parameters), resolved), nowMs);
    expect(given).to.deep.equal([{}, { day: '1' }]);
  });
  it('says every problem with its field', () => {
    expect(planPipeline(pipeline(), () => refused, nowMs).status.conditions).to.deep.equal([
      {
        type: 'Ready',
        status: 'False',
        reason: 'Refused',
        message: 'spec.steps[0].from: is required',
        observedGeneration: 2,
        lastTransitionTime: '2026-01-01T00:00:00.000Z',
      },
    ]);
  });
});
