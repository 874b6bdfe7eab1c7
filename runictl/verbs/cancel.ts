import { kinds, type Run } from '../../apis/index.ts';
import { UsageError } from '../failure.ts';
import { isOn, type Options } from '../options.ts';
import { objectName } from '../print/object.ts';
import { parseOne } from '../resource.ts';
import type { Session } from '../session.ts';
import { isOver, waitForRunEnd } from './run-end.ts';

/** `runictl cancel RUN`: asks the run controller to stop it; with --wait until it has. */
export async function cancel(session: Session, args: readonly string[], options: Options): Promise<number> {
  const { kind, name } = parseOne(args, 'runs');
  if (kind.kind !== 'Run') throw new UsageError(`only runs can be cancelled, not ${kind.plural}`);
  const api = await session.connect();
  const ref = { namespace: api.namespace, name };
  const run = await api.client.get<Run>(kinds.runs, ref);
  if (isOver(run)) {
    await session.terminal.out(`${objectName(kind, name)} has ended already (${run.status?.phase ?? ''})\n`);
    return 0;
  }
  await api.client.patch<Run>(kinds.runs, ref, { type: 'merge', body: { spec: { cancel: true } } });
  if (isOn(options, 'wait')) {
    const ended = await waitForRunEnd(api, name, session.terminal);
    await session.terminal.out(`${objectName(kind, name)} ${(ended.status?.phase ?? 'ended').toLowerCase()}\n`);
  } else await session.terminal.out(`${objectName(kind, name)} cancelling\n`);
  return 0;
}
