import { type Options, textOption } from '../options.ts';
import { toJson } from '../print/object.ts';
import type { Session } from '../session.ts';
import { memberOf, readMembers } from './answers.ts';

/** `runictl barn member add NAME --peer-urls URL`: as a learner, with what the new server must be started with. */
export async function memberAdd(session: Session, name: string, options: Options): Promise<void> {
  const { terminal } = session;
  const api = await session.connect();
  const answer = await api.send('POST', '/barn/v1/members', { name, peerURL: textOption(options, 'peerUrls') });
  const added = memberOf(await answer.json());
  if (textOption(options, 'output') === 'json') return terminal.out(toJson({ member: added }));
  const members = await readMembers(api, terminal.signal);
  const cluster = members.map((member) => `${member.name}=${member.peerUrls.join(',')}`).join(',');
  await terminal.out(
    [
      `member ${added.name} (${added.id}) added as a learner; start its server with`,
      `  runink-apiserver --name ${added.name} --initial-cluster ${cluster} --initial-cluster-state existing …`,
      `and make it a voter once it has caught up: runictl barn member promote ${added.name}`,
      '',
    ].join('\n'),
  );
}
