import { UsageError } from '../failure.ts';
import { type Options, textOption } from '../options.ts';
import { toJson } from '../print/object.ts';
import type { Session } from '../session.ts';

/** `runictl barn member replace OLD=NEW…`: learners that have caught up vote in the place of others, all in one step. */
export async function memberReplace(session: Session, pairs: readonly string[], options: Options): Promise<void> {
  const replacements = pairs.map(parsePair);
  const api = await session.connect();
  await api.send('POST', '/barn/v1/replace-members', { replacements });
  if (textOption(options, 'output') === 'json') return session.terminal.out(toJson({ replacements }));
  for (const { old, by } of replacements)
    await session.terminal.out(
      `member ${by} votes in the place of ${old}, whose server has ended or will: do not start it on its old data\n`,
    );
}

function parsePair(text: string): { readonly old: string; readonly by: string } {
  const [old = '', by = '', ...more] = text.split('=');
  if (old === '' || by === '' || more.length > 0) throw new UsageError(`${JSON.stringify(text)}: write OLD=NEW`);
  return { old, by };
}
