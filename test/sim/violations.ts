/** What must hold; a run ends at the first that does not. */
export type Rule =
  | 'one leader a term'
  | 'one vote a term'
  | 'log matching'
  | 'leader completeness'
  | 'acknowledged entries stay'
  | 'committed entries agree'
  | 'applied never goes back'
  | 'commit never goes back'
  | 'durable state stays'
  | 'durable log stays'
  | 'state as the model'
  | 'state hash equal at equal revision'
  | 'acknowledged means applied'
  | 'configuration agrees'
  | 'watch stream'
  | 'linearizable'
  | 'converges'
  | 'refuses only with a cause'
  | 'damage is refused'
  | 'nothing real is used'
  | 'no error is lost'
  | 'equal seeds, equal runs';

/** The first thing found wrong in a run. */
export interface Violation {
  readonly rule: Rule;
  readonly what: string;
  /** Events of the run before it was seen, and the virtual time. */
  readonly step: number;
  readonly atMs: number;
}

/** Keeps the first violation; later ones are mostly its consequences. */
export class Violations {
  first: Violation | undefined;
  readonly #now: () => { readonly step: number; readonly atMs: number };

  constructor(now: () => { readonly step: number; readonly atMs: number }) {
    this.#now = now;
  }

  add(rule: Rule, what: string): void {
    this.first ??= { rule, what, ...this.#now() };
  }
}
