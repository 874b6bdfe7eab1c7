import { expect } from 'chai';
import { draft } from '../../barn/raft/message.ts';
import { Violations } from './violations.ts';
import { WireRules } from './wire-rules.ts';

function watched(): { readonly rules: WireRules; readonly violations: Violations } {
  const violations = new Violations(() => ({ step: 0, atMs: 0 }));
  return { rules: new WireRules(violations), violations };
}

/** Member 2 asks member 1 for its vote in term 8, with a log up to entry 36 of term 7. */
function ask(rules: WireRules, life: string): void {
  rules.onSent({ ...draft('MsgVote', 1, 2, 8), logTerm: 7, index: 36 }, life);
}

/** Member 2 leads in term 8. */
function elect(rules: WireRules): void {
  ask(rules, 'm2.1');
  rules.leads(2, 8);
}

/** A member in `term` says that everything up to entry 37 of term 7 is committed, and applies it. */
function commit(rules: WireRules, term: number): void {
  rules.saysCommitted(37, term);
  rules.committed(37, 7);
}

describe('Rules of the wire', () => {
  it('find a leader without what was committed before it', () => {
    const { rules, violations } = watched();
    commit(rules, 7);
    elect(rules);
    expect(violations.first?.rule).to.equal('leader completeness');
  });

  it('find it also when the commit is seen late', () => {
    const { rules, violations } = watched();
    elect(rules);
    commit(rules, 7);
    expect(violations.first?.rule).to.equal('leader completeness');
  });

  it('let a leader be without what a later one commits', () => {
    const { rules, violations } = watched();
    elect(rules);
    commit(rules, 9);
    expect(violations.first).to.equal(undefined);
  });

  it('let a candidate ask again in a term, but not in its next life', () => {
    const { rules, violations } = watched();
    ask(rules, 'm2.1');
    ask(rules, 'm2.1');
    expect(violations.first).to.equal(undefined);
    ask(rules, 'm2.2');
    expect(violations.first?.rule).to.equal('one vote a term');
  });
});
