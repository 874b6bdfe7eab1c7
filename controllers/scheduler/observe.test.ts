import { expect } from 'chai';
import { type Node, type Slice, wellKnown } from '../../apis/index.ts';
import { attemptsOf, awaitsReports, pendingGroup } from './observe.ts';

const node = (name: string, taints: readonly string[], attempts: readonly string[] = []): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  spec: { taints: taints.map((key) => ({ key, effect: 'NoExecute' })) },
  status: { attempts },
});
const { restoredTaint, unreachableTaint } = wellKnown;

describe('scheduler: a restored store', () => {
  it('waits for the report of every node but those that are unreachable', () => {
    const reported = node('n1', []);
    expect(awaitsReports([reported])).to.equal(false);
    expect(awaitsReports([reported, node('n2', [restoredTaint])])).to.equal(true);
    expect(awaitsReports([reported, node('n2', [restoredTaint, unreachableTaint])])).to.equal(false);
  });

  it('places an attempt on the node that has it, as long as that can be reached', () => {
    const slice: Slice = {
      apiVersion: 'runink.io/v1',
      kind: 'Slice',
      metadata: { namespace: 'default', name: 's' },
      spec: { run: 'r', runUID: 'u', step: 's', group: 'g', attempt: 2 },
    };
    const pinned = (...nodes: readonly Node[]): string | undefined =>
      pendingGroup([slice], new Map(), () => undefined, attemptsOf(nodes))?.pinnedNode;
    expect(pinned(node('n1', [], ['u/g/1']), node('n2', [], ['u/g/2']))).to.equal('n2');
    expect(pinned(node('n2', [unreachableTaint], ['u/g/2']))).to.equal(undefined);
  });
});
