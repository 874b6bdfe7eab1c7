import { type Options, textOption } from '../options.ts';
import { columnLines } from '../print/columns.ts';
import { toJson } from '../print/object.ts';
import type { Session } from '../session.ts';
import { readMembers } from './answers.ts';

/** `runictl barn member list`. */
export async function memberList(session: Session, options: Options): Promise<void> {
  const { terminal } = session;
  const members = await readMembers(await session.connect(), terminal.signal);
  if (textOption(options, 'output') === 'json') return terminal.out(toJson({ members }));
  const rows = members.map(({ id, name, peerUrls, clientUrls, isLearner }) => [
    id,
    name,
    peerUrls.join(','),
    clientUrls.join(','),
    String(isLearner),
  ]);
  await terminal.out(`${columnLines([['ID', 'NAME', 'PEER ADDRS', 'CLIENT ADDRS', 'LEARNER'], ...rows]).join('\n')}\n`);
}
