import { UsageError } from '../failure.ts';
import { type Options, textOption } from '../options.ts';
import { toJson } from '../print/object.ts';
import type { Session } from '../session.ts';

/** `runictl barn compact REVISION`: forgets what was before that revision, as `etcdctl compaction` does. */
export async function barnCompact(session: Session, text: string, options: Options): Promise<void> {
  const revision = /^[1-9][0-9]*$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(revision))
    throw new UsageError(`${JSON.stringify(text)}: a revision is a whole number from 1 on, as barn status shows it`);
  const api = await session.connect();
  await api.send('POST', '/barn/v1/compact', { revision });
  if (textOption(options, 'output') === 'json') return session.terminal.out(toJson({ compactRevision: revision }));
  await session.terminal.out(`compacted revision ${revision}\n`);
}
