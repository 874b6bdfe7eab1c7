// All that is wrong with the openAPIV3Schema of a CustomResourceDefinition.
import type { Schema, StatusCause } from '../../../apis/index.ts';
import { definitionRuleProblems } from '../rules/definition-rules.ts';
import { defaultProblems } from './default-values.ts';
import { keywordProblems } from './keywords.ts';
import { shapeProblems } from './structural.ts';

/**
 * What is wrong with a schema that has been read (readSchema), found at `path`, in Kubernetes' words and order: its shape,
 * its defaults, the keywords and the rules. None means that objects can be admitted by it.
 */
export function structuralProblems(schema: Schema, path: string): readonly StatusCause[] {
  const shape = shapeProblems(schema, path);
  const defaults = shape.length > 0 ? [] : defaultProblems(schema, path);
  const keywords = keywordProblems(schema, path);
  const problems = [...shape, ...defaults, ...keywords];
  // Rules can be understood only over a sound schema.
  return problems.length > 0 ? problems : definitionRuleProblems(schema, path);
}
