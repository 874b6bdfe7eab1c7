import type { StatusCause, Unstructured } from '../../apis/index.ts';
import { checkContract } from '../../lang/contracts/index.ts';
import { at, textOf } from '../json.ts';
import { invalid } from '../schema/causes.ts';

/** What a new contract cannot be compiled for. Its spec is immutable, so only a create asks. */
export async function contractProblems(contract: Unstructured): Promise<readonly StatusCause[]> {
  const mode = textOf(at(contract, 'spec.mode')) === 'closed' ? 'closed' : 'open';
  const problems = await checkContract({ mode, schema: at(contract, 'spec.schema') });
  return problems.map(({ path, message }) => invalid(`spec.${path}`, at(contract, `spec.${path}`) ?? null, message));
}
