import { ApiError, kinds, type Run } from '../../apis/index.ts';
import type { Api } from '../api.ts';
import { follow } from '../follow.ts';
import type { Terminal } from '../terminal.ts';

/** Whether a run has ended, well or badly. */
export function isOver(run: Run): boolean {
  return ['Succeeded', 'Failed', 'Cancelled'].includes(run.status?.phase ?? '');
}

/** The run as it was when it ended. Errors: ApiError NotFound when it is deleted before. */
export async function waitForRunEnd(
  api: Api,
  name: string,
  terminal: Pick<Terminal, 'signal' | 'clock'>,
): Promise<Run> {
  const scope = { fieldSelector: `metadata.name=${name}` };
  let isThere = false;
  for await (const { type, object } of follow<Run>(api, kinds.runs, scope, terminal)) {
    if (type === 'DELETED' || (type === 'synced' && !isThere)) break;
    if (object === undefined) continue;
    isThere = true;
    if (isOver(object)) return object;
  }
  throw new ApiError('NotFound', `runs.runink.io "${name}" not found`);
}
