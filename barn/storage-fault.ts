import { diskFullAdvice, isDiskFull } from '../base/index.ts';
import { BarnError } from './barn.ts';

/**
 * What a disk refused, as the store says it; what is a BarnError already stays. When the disk is full the message says what to
 * do. A bug of ours meanwhile ends the store like a fault of the disk.
 */
export function storageFault(doing: string, cause: unknown): BarnError {
  if (cause instanceof BarnError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new BarnError('Storage', `${doing}: ${why}${isDiskFull(cause) ? `; ${diskFullAdvice}` : ''}`, { cause });
}
