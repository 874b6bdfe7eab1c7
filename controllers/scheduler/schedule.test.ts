import { expect } from 'chai';
import fc from 'fast-check';
import {
  type Amounts,
  add,
  type Decision,
  dimensions,
  type HerdState,
  type NodeState,
  noAmounts,
  type PendingGroup,
  type Schedule,
  schedule,
} from './index.ts';

const Mi = 1024 ** 2;
const herd: HerdState = { name: 'h', uid: 'uid-h', isTerminating: false, quota: {}, used: noAmounts };

describe('schedule', () => {
  for (const [title, nodes, group, expected] of [
    ['places what fits', [node('n1')], need(500, 128), 'n1'],
    ['fills a node to the last thousandth', [node('n1', { used: amounts(500, 1024 - 128) })], need(500, 128), 'n1'],
    [
      'takes the node that is left with the least',
      [node('n1'), node('n2', { used: amounts(300, 300) })],
      need(500, 128),
      'n2',
    ],
    [
      'leaves the one alone that is too full',
      [node('n1', { used: amounts(900, 900) }), node('n2')],
      need(500, 128),
      'n2',
    ],
    [
      'says what is short, and where least',
      [node('n1', { used: amounts(900, 0) }), node('n2', { used: amounts(600, 0) })],
      need(500, 128),
      'busy: 0/2 nodes fit: 2 insufficient cpu (nearest n2 short 100m)',
    ],
    [
      'says what can never fit',
      [node('n1')],
      need(2500, 128),
      'never: 0/1 nodes fit: 1 insufficient cpu (nearest n1 short 1500m)',
    ],
    [
      'tells memory in what one writes',
      [node('n1', { used: amounts(0, 1000) })],
      need(1, 128),
      'busy: 0/1 nodes fit: 1 insufficient memory (nearest n1 short 104Mi)',
    ],
    [
      'counts pids',
      [node('n1', { capacity: { ...amounts(1000, 1024), pids: 10 } })],
      need(1, 1, { pids: 64 }),
      'never: 0/1 nodes fit: 1 insufficient pids (nearest n1 short 54)',
    ],
    [
      'counts slices',
      [node('n1', { capacity: { ...amounts(1000, 1024), slices: 1 }, used: { ...noAmounts, slices: 1 } })],
      need(1, 1),
      'busy: 0/1 nodes fit: 1 insufficient slices (nearest n1 short 1)',
    ],
    [
      'tells every sort of node',
      [
        node('n1', { used: amounts(900, 0) }),
        node('n2', { used: amounts(1000, 0) }),
        node('n3', { isTainted: true }),
        node('n4', { isReady: false }),
        node('n5', { isCordoned: true }),
      ],
      need(500, 128),
      'busy: 0/5 nodes fit: 2 insufficient cpu (nearest n1 short 400m), 1 tainted, 1 not ready, 1 unschedulable',
    ],
    [
      'tells that no node can be used',
      [node('n1', { isReady: false })],
      need(500, 128),
      'blocked: 0/1 nodes fit: 1 not ready',
    ],
    ['tells that there is no node', [], need(500, 128), 'blocked: 0/0 nodes fit: no node is registered'],
    [
      'says what a group needs together',
      [node('n1')],
      { ...need(1500, 128), slices: ['a', 'b', 'c'] },
      'never: 0/1 nodes fit: 1 insufficient cpu (nearest n1 short 500m); its 3 slices need together cpu 1500m, memory 128Mi',
    ],
    [
      'goes where the volume is',
      [node('n1', { used: amounts(300, 300) }), node('n2', { volumes: ['data'] })],
      read('data'),
      'n2',
    ],
    [
      'tells that a volume is missing',
      [node('n1', { volumes: ['other'] })],
      read('data'),
      'blocked: 0/1 nodes fit: 1 without volume data',
    ],
    [
      'tells that a volume cannot be written',
      [node('n1', { volumes: ['data'] })],
      write('data'),
      'blocked: 0/1 nodes fit: 1 with volume data read-only',
    ],
    ['writes to a volume offered for it', [node('n1', { volumes: ['data:rw'] })], write('data'), 'n1'],
    ['uses a volume offered to its herd', [node('n1', { volumes: ['uid-h/data:rw'] })], write('data'), 'n1'],
    [
      'heeds that a volume of its own hides the common one',
      [node('n1', { volumes: ['data:rw', 'uid-h/data'] })],
      write('data'),
      'blocked: 0/1 nodes fit: 1 with volume data read-only',
    ],
    [
      'does not use one offered to another herd',
      [node('n1', { volumes: ['uid-x/data'] })],
      read('data'),
      'blocked: 0/1 nodes fit: 1 without volume data',
    ],
    [
      'goes where the rest of the group is',
      [node('n1', { used: amounts(300, 300) }), node('n2')],
      { ...need(1, 1), pinnedNode: 'n2' },
      'n2',
    ],
    [
      'waits where the rest of the group is',
      [node('n1'), node('n2', { used: amounts(1000, 0) })],
      { ...need(1, 1), pinnedNode: 'n2' },
      'busy: 0/2 nodes fit: 1 insufficient cpu (nearest n2 short 1m), 1 without the rest of its group',
    ],
  ] as const satisfies readonly (readonly [string, readonly NodeState[], PendingGroup, string])[])
    it(title, () => {
      expect(outcome(run(nodes, [group]), group.key)).to.equal(expected);
    });

  for (const [title, change, group, expected] of [
    [
      'heeds the quota of the herd',
      { quota: { cpuMillis: 1000 }, used: amounts(600, 0) },
      need(500, 1),
      'busy: herd h is at its quota of cpu: 600m of 1 used, 500m more needed',
    ],
    [
      'tells what is beyond the quota for ever',
      { quota: { memoryBytes: 64 * Mi } },
      need(1, 128),
      'never: herd h is at its quota of memory: 0 of 64Mi used, 128Mi more needed',
    ],
    ['uses the quota to its last slice', { quota: { slices: 1 } }, need(1, 1), 'n1'],
    [
      'allows no slice at a quota of none',
      { quota: { slices: 0 } },
      need(1, 1),
      'never: herd h is at its quota of slices: 0 of 0 used, 1 more needed',
    ],
    ['binds nothing in a herd that ends', { isTerminating: true }, need(1, 1), 'never: herd h is being deleted'],
    [
      'heeds the volumes a herd may use',
      { volumes: ['other'] },
      read('data'),
      'never: herd h may not use volume data (it may: other)',
    ],
  ] as const satisfies readonly (readonly [string, Partial<HerdState>, PendingGroup, string])[])
    it(title, () => {
      const nodes = [node('n1', { volumes: ['data:rw'] })];
      const result = schedule({ nodes, herds: [{ ...herd, ...change }] }, [group], { score: 'bestFit' }, 1, 0);
      expect(outcome(result, group.key)).to.equal(expected);
    });

  it('counts what it placed before, also against the quota', () => {
    const groups = ['a', 'b', 'c'].map((key) => ({ ...need(400, 1), key }));
    const result = run([node('n1')], groups);
    expect(groups.map(({ key }) => outcome(result, key))).to.deep.equal([
      'n1',
      'n1',
      'busy: 0/1 nodes fit: 1 insufficient cpu (nearest n1 short 200m)',
    ]);
    const herds = [{ ...herd, quota: { slices: 2 } }];
    const limited = schedule({ nodes: [node('n1'), node('n2')], herds }, groups, { score: 'bestFit' }, 1, 0);
    expect(outcome(limited, 'c')).to.equal('busy: herd h is at its quota of slices: 2 of 2 used, 1 more needed');
  });

  it('does not let a group that fits nowhere hold up the next', () => {
    const result = run(
      [node('n1')],
      [
        { ...need(5000, 1), key: 'big' },
        { ...need(1, 1), key: 'small' },
      ],
    );
    expect(outcome(result, 'small')).to.equal('n1');
  });

  it('gives the same for the same, another hash for another input, and lets the seed choose between equals', () => {
    const nodes = ['n1', 'n2', 'n3', 'n4'].map((name) => node(name));
    const once = run(nodes, [need(1, 1)], 7);
    expect(run(nodes, [need(1, 1)], 7)).to.deep.equal(once);
    expect(run(nodes, [need(2, 1)], 7).inputHash).not.to.equal(once.inputHash);
    const chosen = new Set(Array.from({ length: 30 }, (_, seed) => run(nodes, [need(1, 1)], seed).decisions[0]?.node));
    expect(chosen.size).to.be.greaterThan(1);
  });

  it('never gives more than there is, splits no group, and leaves out only what fits nowhere', () => {
    const small = fc.nat(12);
    const amount = fc.record({
      cpuMillis: small,
      memoryBytes: small,
      pids: small,
      slices: fc.integer({ min: 1, max: 3 }),
    });
    const anyNode = fc.record({ capacity: amount, isReady: fc.boolean(), isTainted: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(anyNode, { maxLength: 6 }),
        fc.array(amount, { maxLength: 12 }),
        fc.nat(),
        (specs, needs, seed) => {
          const nodes = specs.map((spec, index) => node(`n${index}`, spec));
          const groups = needs.map((needed, index) => ({ ...need(0, 0), key: `g${index}`, needs: needed }));
          const { decisions, unplaced } = run(nodes, groups, seed);
          expect(decisions.length + unplaced.length).to.equal(groups.length);
          const used = new Map<string, Amounts>(nodes.map(({ name }) => [name, noAmounts]));
          const placed = new Map(decisions.map((one): [string, Decision] => [one.group, one]));
          for (const group of groups) {
            const decision = placed.get(group.key);
            const fits = ({ name, capacity, isReady, isTainted }: NodeState): boolean =>
              isReady &&
              !isTainted &&
              dimensions.every((d) => (used.get(name) ?? noAmounts)[d] + group.needs[d] <= capacity[d]);
            if (decision === undefined) expect(nodes.filter(fits)).to.deep.equal([]);
            else {
              expect(nodes.filter(fits).map(({ name }) => name)).to.include(decision.node);
              const scores = nodes
                .filter(fits)
                .map((one) => scoreOf(group.needs, one, used.get(one.name) ?? noAmounts));
              expect(decision.score).to.equal(Math.min(...scores));
              used.set(decision.node, add(used.get(decision.node) ?? noAmounts, group.needs));
              expect(Number.isInteger(decision.score)).to.equal(true);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** What a node keeps free, counted plainly. */
function scoreOf(needs: Amounts, { capacity }: NodeState, used: Amounts): number {
  const left = (dimension: 'cpuMillis' | 'memoryBytes'): number =>
    capacity[dimension] === 0
      ? 0
      : Math.floor(((capacity[dimension] - used[dimension] - needs[dimension]) * 1000) / capacity[dimension]);
  return left('cpuMillis') + left('memoryBytes');
}

function run(nodes: readonly NodeState[], groups: readonly PendingGroup[], seed = 1): Schedule {
  return schedule({ nodes, herds: [herd] }, groups, { score: 'bestFit' }, seed, 0);
}

function outcome({ decisions, unplaced }: Schedule, key: string): string {
  const decision = decisions.find(({ group }) => group === key);
  const left = unplaced.find(({ group }) => group === key);
  return decision?.node ?? `${left?.cause ?? ''}: ${left?.message ?? ''}`;
}

function amounts(cpuMillis: number, memoryMi: number): Amounts {
  return { cpuMillis, memoryBytes: memoryMi * Mi, pids: 0, slices: 0 };
}

function node(name: string, more: Partial<NodeState> = {}): NodeState {
  return {
    name,
    isReady: true,
    isCordoned: false,
    isTainted: false,
    capacity: { ...amounts(1000, 1024), pids: 1000, slices: 100 },
    used: noAmounts,
    volumes: [],
    ...more,
  };
}

function need(cpuMillis: number, memoryMi: number, more: Partial<Amounts> = {}): PendingGroup {
  return {
    key: 'g',
    herd: 'h',
    slices: ['s'],
    needs: { ...amounts(cpuMillis, memoryMi), slices: 1, ...more },
    volumes: [],
  };
}
function read(name: string): PendingGroup {
  return { ...need(1, 1), volumes: [{ name, isWritten: false }] };
}
function write(name: string): PendingGroup {
  return { ...need(1, 1), volumes: [{ name, isWritten: true }] };
}
