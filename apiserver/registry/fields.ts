import { ApiError, type KindInfo } from '../../apis/index.ts';
import type { WriteOptions } from './registry.ts';

/** Refuses, tells of, or ignores fields that the schema does not have. Errors: BadRequest. */
export function reportFields(info: KindInfo, unknownFields: readonly string[], options: WriteOptions): void {
  report(
    info,
    unknownFields.map((path) => `unknown field "${path}"`),
    options,
  );
}

/** The same for fields that stand twice. */
export function reportDuplicates(info: KindInfo, paths: readonly string[], options: WriteOptions): void {
  report(
    info,
    paths.map((path) => `duplicate field "${path}"`),
    options,
  );
}

function report(info: KindInfo, problems: readonly string[], options: WriteOptions): void {
  if (problems.length === 0 || options.fieldValidation === 'Ignore') return;
  if (options.fieldValidation === 'Strict') {
    if (options.strictly !== undefined) throw options.strictly(`strict decoding error: ${problems.join(', ')}`);
    throw new ApiError(
      'BadRequest',
      `${info.kind} in version "${info.version}" cannot be handled as a ${info.kind}: strict decoding error: ${problems.join(', ')}`,
    );
  }
  for (const problem of problems) options.warn(problem);
}
