// All that is wrong with the openAPIV3Schema of a CustomResourceDefinition.
import type { Schema, StatusCause } from '../../../apis/index.ts';
import { defaultProblems } from './default-values.ts';
import { keywordProblems } from './keywords.ts';
import { shapeProblems } from './structural.ts';

/**
 * What is wrong with a schema that has been read (readSchema), found at `path`, in Kubernetes' words and order: its shape,
 * its defaults and the keywords. None means that objects can be admitted by it.
 */
export function structuralProblems(schema: Schema, path: string): readonly StatusCause[] {
  const shape = shapeProblems(schema, path);
  const defaults = shape.length > 0 ? [] : defaultProblems(schema, path);
  return [...shape, ...defaults, ...keywordProblems(schema, path)];
}
