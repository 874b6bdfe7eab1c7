import { expect } from 'chai';
import { podLogOptions } from './pod-log.ts';

const none = { container: '', isPrevious: false, bytesMax: Number.POSITIVE_INFINITY, ofLog: {} };

describe('apiserver: options of a pod’s log', () => {
  for (const [query, expected] of [
    ['', none],
    ['container=a&follow=true&previous=true', { ...none, container: 'a', isPrevious: true, ofLog: { follow: true } }],
    ['tailLines=0&limitBytes=1', { ...none, bytesMax: 1, ofLog: { tailLines: 0 } }],
    ['sinceSeconds=5&timestamps=true', { ...none, ofLog: { sinceSeconds: 5, timestamps: true } }],
    ['sinceTime=2026-01-01T01:00:00%2B01:00', { ...none, ofLog: { sinceTime: '2026-01-01T00:00:00.000Z' } }],
    ['follow=false&timestamps=0', none],
  ] as const)
    it(`reads "${query}"`, () => expect(podLogOptions(new URLSearchParams(query))).to.deep.equal(expected));

  for (const [query, message] of [
    ['tailLines=-1', 'PodLogOptions "" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0'],
    ['limitBytes=0', 'PodLogOptions "" is invalid: limitBytes: Invalid value: 0: must be greater than 0'],
    ['sinceSeconds=0', 'PodLogOptions "" is invalid: sinceSeconds: Invalid value: 0: must be greater than 0'],
    ['tailLines=x', 'tailLines: Invalid value: "x": it must be a whole number'],
    ['sinceTime=yesterday', 'sinceTime: Invalid value: "yesterday": it must be a time as RFC 3339 has it'],
    [
      'sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z',
      'PodLogOptions "" is invalid: sinceSeconds: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified',
    ],
  ] as const)
    it(`refuses "${query}"`, () => expect(() => podLogOptions(new URLSearchParams(query))).to.throw(message));
});
