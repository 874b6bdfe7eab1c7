import { type Options, textOption } from '../options.ts';
import { toJson } from '../print/object.ts';
import type { Session } from '../session.ts';
import { memberOf } from './answers.ts';

/** `runictl barn member promote NAME|ID`: a learner that has caught up becomes a voter. */
export async function memberPromote(session: Session, member: string, options: Options): Promise<void> {
  const api = await session.connect();
  const answer = await api.send('POST', `/barn/v1/members/${encodeURIComponent(member)}/promote`, {});
  const promoted = memberOf(await answer.json());
  if (textOption(options, 'output') === 'json') return session.terminal.out(toJson({ member: promoted }));
  await session.terminal.out(`member ${promoted.name} (${promoted.id}) votes\n`);
}
