import { resolve } from 'node:path';
import { CommandError } from '../failure.ts';
import { type Options, textOption } from '../options.ts';
import { columnLines } from '../print/columns.ts';
import { toJson } from '../print/object.ts';
import type { Session } from '../session.ts';
import { isRecord, textOf } from '../values.ts';
import { keyFileFlag, offline } from './offline.ts';
import { sizeText } from './status.ts';

/** `runictl barn snapshot verify FILE`: reads it to its end and says what it holds; exit 1 when a byte is damaged or missing. */
export async function snapshotVerify(session: Session, file: string, options: Options): Promise<void> {
  const { terminal } = session;
  const { code, out } = await offline(session, [
    'snapshot',
    'verify',
    resolve(terminal.cwd, file),
    ...keyFileFlag(session, options),
  ]);
  if (code !== 0) throw new CommandError(`${file} is no good snapshot; take another one`);
  const summary: unknown = JSON.parse(out);
  if (!isRecord(summary)) throw new CommandError(`the server's program did not say what is in ${file}: ${out}`);
  if (textOption(options, 'output') === 'json') return terminal.out(toJson(summary));
  const hash = Number(summary['hash'] ?? 0).toString(16);
  const row = [hash, textOf(summary['revision']), textOf(summary['keys']), sizeText(Number(summary['bytes'] ?? 0))];
  await terminal.out(`${columnLines([['HASH', 'REVISION', 'TOTAL KEYS', 'TOTAL SIZE'], row]).join('\n')}\n`);
}
