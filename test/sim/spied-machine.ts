import type { CommittedEntry, Outcome, StateMachine } from '../../barn/state/machine.ts';

/** What a spied state machine tells. */
export interface MachineSpy {
  before(entries: readonly CommittedEntry[]): void;
  after(): void;
  installed(): void;
}

/** A state machine that tells what goes into it; it is the real one in all else. */
export function spied(inner: StateMachine, spy: MachineSpy): StateMachine {
  return new Proxy(inner, {
    get(target, name) {
      if (name === 'apply')
        return (entries: readonly CommittedEntry[]): readonly Outcome[] => {
          spy.before(entries);
          const outcomes = target.apply(entries);
          spy.after();
          return outcomes;
        };
      if (name === 'install')
        return async (...args: Parameters<StateMachine['install']>) => {
          const meta = await target.install(...args);
          spy.installed();
          return meta;
        };
      // Private fields live on the target alone, so getters and methods must run there.
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
