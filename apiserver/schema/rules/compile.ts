// The rules of one schema node, compiled; and the nodes of a whole schema that have some.
import type { ValidationRule } from '../../../apis/index.ts';
import type { Node } from '../custom/node.ts';
import { type CelType, CelTypes } from './cel-types.ts';
import { compileProgram, environmentFor, type Program, RuleRefused } from './environment.ts';

/** A rule that is ready to be run, or why it cannot be. */
export interface CompiledRule {
  readonly rule: ValidationRule;
  readonly program: Program | RuleRefused;
  /** Absent when the rule has none. */
  readonly message: Program | RuleRefused | undefined;
}

/** What is known of a node with rules. */
export interface RuledNode {
  readonly type: CelType | undefined;
  readonly rules: readonly CompiledRule[];
}

const compiled = new WeakMap<Node, RuledNode>();

/** The rules of a node; compiled once. `isRoot`: the node is the whole object. */
export function rulesOf(node: Node, isRoot: boolean): RuledNode {
  let ruled = compiled.get(node);
  if (ruled === undefined) {
    ruled = compile(node, isRoot);
    compiled.set(node, ruled);
  }
  return ruled;
}

function compile(node: Node, isRoot: boolean): RuledNode {
  const types = new CelTypes(node.rules.flatMap(({ rule, messageExpression = '' }) => [rule, messageExpression]));
  const type = types.typeOf(node, isRoot || node.isResource);
  if (type === undefined) return { type, rules: [] };
  const environments = new Map<boolean, ReturnType<typeof environmentFor>>();
  const environmentOf = (optional: boolean) => {
    let environment = environments.get(optional);
    if (environment === undefined) {
      environment = environmentFor(types, type, optional);
      environments.set(optional, environment);
    }
    return environment;
  };
  const rules = node.rules.map((rule): CompiledRule => {
    const environment = environmentOf(rule.optionalOldSelf === true);
    const program = attempt(() => {
      const made = compileProgram(environment, rule.rule);
      if (made.type !== 'bool') throw new RuleRefused('cel expression must evaluate to a bool');
      return made;
    });
    const { messageExpression } = rule;
    if (messageExpression === undefined) return { rule, program, message: undefined };
    const message = attempt(() => {
      const made = compileProgram(environment, messageExpression);
      if (made.type !== 'string') throw new RuleRefused('messageExpression must evaluate to a string');
      return made;
    });
    return { rule, program, message };
  });
  return { type, rules };
}

function attempt(make: () => Program): Program | RuleRefused {
  try {
    return make();
  } catch (error) {
    if (error instanceof RuleRefused) return error;
    throw error;
  }
}
