import { type Options, textOption } from '../options.ts';
import { toJson } from '../print/object.ts';
import type { Session } from '../session.ts';

/** `runictl barn transfer-leader NAME|ID`: returns once that member leads. */
export async function transferLeader(session: Session, member: string, options: Options): Promise<void> {
  const api = await session.connect();
  await api.send('POST', '/barn/v1/transfer-leader', { to: member });
  if (textOption(options, 'output') === 'json') return session.terminal.out(toJson({ leader: member }));
  await session.terminal.out(`${member} leads\n`);
}
