import { expect } from 'chai';
import { groupSteps } from './groups.ts';

const order = (first: string, then: string) => ({ first, then, field: `spec.steps[${then}].after` });

describe('groupSteps', () => {
  it('joins steps by their pipes and names the group for the step written first', () => {
    expect(
      groupSteps({
        steps: ['a', 'b', 'c'],
        pipes: [
          ['b', 'a'],
          ['c', 'b'],
        ],
        orders: [],
      }),
    ).to.deep.equal({
      groups: [{ name: 'a', steps: ['a', 'b', 'c'], after: [] }],
    });
  });
  it('orders groups by after, whatever order they are written in', () => {
    expect(groupSteps({ steps: ['late', 'early'], pipes: [], orders: [order('early', 'late')] })).to.deep.equal({
      groups: [
        { name: 'early', steps: ['early'], after: [] },
        { name: 'late', steps: ['late'], after: ['early'] },
      ],
    });
  });
  it('names the steps of a cycle of pipes', () => {
    expect(
      groupSteps({
        steps: ['a', 'b'],
        pipes: [
          ['a', 'b'],
          ['b', 'a'],
        ],
        orders: [],
      }),
    ).to.deep.equal({
      problem: 'steps form a cycle: a -> b -> a',
      field: 'spec.steps',
    });
  });
  it('names a step that feeds itself', () => {
    expect(groupSteps({ steps: ['a'], pipes: [['a', 'a']], orders: [] })).to.have.property(
      'problem',
      'steps form a cycle: a -> a',
    );
  });
  it('names groups that wait for each other', () => {
    expect(groupSteps({ steps: ['a', 'b'], pipes: [], orders: [order('a', 'b'), order('b', 'a')] })).to.have.property(
      'problem',
      'groups of steps wait for each other: a -> b -> a',
    );
  });
  it('refuses an order inside a group', () => {
    expect(groupSteps({ steps: ['a', 'b'], pipes: [['a', 'b']], orders: [order('a', 'b')] })).to.have.property(
      'problem',
      'step "b" cannot wait for "a": pipes join them into one group that starts together',
    );
  });
  it('handles a chain of ten thousand', () => {
    const steps = Array.from({ length: 10_000 }, (_, index) => `s${index}`);
    const orders = steps.slice(1).map((step, index) => order(`s${index}`, step));
    expect(groupSteps({ steps, pipes: [], orders }))
      .to.have.property('groups')
      .with.lengthOf(10_000);
  });
});
