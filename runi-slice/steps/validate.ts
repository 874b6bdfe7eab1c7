import type { ContractSpec } from '../protocol/index.ts';
import { contractCheck } from '../sources/record-check.ts';
import type { BatchStep, StepContext } from './step.ts';

/** Passes on, byte for byte, the records that are valid under the contract; the others become dead letters. */
export async function validateStep(context: StepContext, contract: ContractSpec): Promise<BatchStep> {
  const contracted = await contractCheck(context.letters, contract);
  return {
    process(batch) {
      contracted.check(batch);
      context.emitter.batch(batch);
    },
  };
}

/** What is left of a validate step whose records were checked as they were read. */
export function passStep(context: StepContext): BatchStep {
  return { process: (batch) => context.emitter.batch(batch) };
}
