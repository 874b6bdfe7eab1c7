import { UsageError } from '../failure.ts';
import { type Options, textOption } from '../options.ts';
import { columnLines } from '../print/columns.ts';
import { toJson } from '../print/object.ts';
import type { Session } from '../session.ts';
import { alarmsOf, type BarnAlarm } from './answers.ts';

const kinds = ['all', 'NOSPACE', 'CORRUPT'];

/** `runictl barn alarm list`. */
export async function alarmList(session: Session, options: Options): Promise<void> {
  const api = await session.connect();
  const body = await (await api.get('/barn/v1/alarms', { signal: session.terminal.signal })).json();
  await print(session, alarmsOf(body), options, 'no alarm\n');
}

/** `runictl barn alarm disarm [KIND]`: takes alarms back whose cause was removed. */
export async function alarmDisarm(session: Session, kind: string, options: Options): Promise<void> {
  if (!kinds.includes(kind)) throw new UsageError(`there is no alarm "${kind}"; there are: ${kinds.join(', ')}`);
  const api = await session.connect();
  const member = textOption(options, 'member');
  const answer = await api.send('POST', `/barn/v1/alarms/${kind}/disarm`, member === undefined ? {} : { member });
  await print(session, alarmsOf(await answer.json()), options, 'there was none to disarm\n');
}

async function print(session: Session, alarms: readonly BarnAlarm[], options: Options, none: string): Promise<void> {
  const { terminal } = session;
  if (textOption(options, 'output') === 'json') return terminal.out(toJson({ alarms }));
  if (alarms.length === 0) return terminal.out(none);
  const rows = alarms.map(({ alarm, memberId }) => [alarm, memberId]);
  await terminal.out(`${columnLines([['ALARM', 'MEMBER'], ...rows]).join('\n')}\n`);
}
