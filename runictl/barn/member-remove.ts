import { type Options, textOption } from '../options.ts';
import { toJson } from '../print/object.ts';
import type { Session } from '../session.ts';

/** `runictl barn member remove NAME|ID`. */
export async function memberRemove(session: Session, member: string, options: Options): Promise<void> {
  const api = await session.connect();
  await api.send('DELETE', `/barn/v1/members/${encodeURIComponent(member)}`);
  if (textOption(options, 'output') === 'json') return session.terminal.out(toJson({ removed: member }));
  await session.terminal.out(
    `member ${member} removed; its server has ended or will: do not start it on its old data\n`,
  );
}
