import { resolve } from 'node:path';
import { ensurePeers, type PeerRequest } from '../../pki/index.ts';
import { CommandError, messageOf, UsageError } from '../failure.ts';
import { listOption, type Options, textOption } from '../options.ts';
import { toJson } from '../print/object.ts';
import type { Session } from '../session.ts';

/**
 * `runictl barn certs --dir DIR --member NAME[=HOST,…]…`: what members of the store show each other. Run again, it renews what
 * is near its end and keeps the rest.
 */
export async function barnCerts(session: Pick<Session, 'terminal'>, options: Options): Promise<void> {
  const { terminal } = session;
  const members = listOption(options, 'member').map(parseMember);
  const directory = resolve(terminal.cwd, textOption(options, 'dir') ?? '.');
  const made = await ensurePeers(directory, members, terminal.clock).catch((cause: unknown) => {
    throw new CommandError(`peer certificates in ${directory}: ${messageOf(cause)}`, { cause });
  });
  const names = [...made.members.keys()];
  if (textOption(options, 'output') === 'json') return terminal.out(toJson({ directory, members: names }));
  await terminal.out(
    [
      `${directory}: the authority (ca.crt, ca.key) and ${names.map((name) => `${name}.crt, ${name}.key`).join(', ')}`,
      'give each server ca.crt and its own two files; keep ca.key here',
      '',
    ].join('\n'),
  );
}

function parseMember(text: string): PeerRequest {
  const at = text.indexOf('=');
  const name = at < 0 ? text : text.slice(0, at);
  const hosts = at < 0 ? [] : text.slice(at + 1).split(',');
  if (name === '' || hosts.includes(''))
    throw new UsageError(`--member ${JSON.stringify(text)}: write NAME=HOST[,HOST…]`);
  return { name, hosts };
}
