// All that is wrong with the openAPIV3Schema of a CustomResourceDefinition.
import type { Schema, StatusCause } from '../../../apis/index.ts';
import { arrayOf, type JsonRecord, recordOf } from '../../json.ts';
import { definitionRuleProblems } from '../rules/definition-rules.ts';
import { defaultProblems } from './default-values.ts';
import { keywordProblems } from './keywords.ts';
import { readSchema } from './read-schema.ts';
import { shapeProblems } from './structural.ts';

/** Paths of the keywords that mean nothing in the schemas of a CustomResourceDefinition. */
export function unknownKeywords(definition: JsonRecord): readonly string[] {
  return arrayOf(recordOf(definition.spec).versions).flatMap((version, index) => {
    const { openAPIV3Schema } = recordOf(recordOf(version).schema);
    const path = `spec.versions[${index}].schema.openAPIV3Schema`;
    return openAPIV3Schema === undefined ? [] : readSchema(openAPIV3Schema, path).unknownFields.map(asField);
  });
}

// Names of properties stand in brackets where something is wrong, and behind a dot where a field is not known.
function asField(path: string): string {
  return path.replace(/\[([^\]]*[^\]\d][^\]]*)\]/g, '.$1');
}

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
