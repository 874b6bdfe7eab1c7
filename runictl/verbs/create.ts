import { isApiError, type Unstructured } from '../../apis/index.ts';
import { errorText } from '../failure.ts';
import { dryRunOption, type Options, textOption } from '../options.ts';
import { objectName } from '../print/object.ts';
import { parseOutput, printObjects } from '../print/output.ts';
import type { Session } from '../session.ts';
import { compileFiles } from './compile.ts';

/** `runictl create -f`: makes the objects of the files; what is there already is an error. */
export async function create(session: Session, options: Options): Promise<number> {
  const { terminal } = session;
  const output = await parseOutput(textOption(options, 'output'), terminal);
  const dryRun = dryRunOption(options);
  const api = await session.connect();
  const compiled = await compileFiles(session, options, api.namespace);
  const done = [];
  let failures = 0;
  for (const { kind, object, content, place } of compiled)
    try {
      const made =
        dryRun === 'client'
          ? object
          : await api.client.create<Unstructured>(kind, object, dryRun === 'server' ? { dryRun: true } : {});
      if (content !== undefined && dryRun === 'none')
        await api.client.putContent(
          { namespace: made.metadata.namespace ?? api.namespace, name: made.metadata.name ?? '' },
          content,
        );
      done.push({ kind, object: made });
      const suffix = dryRun === 'none' ? '' : dryRun === 'client' ? ' (dry run)' : ' (server dry run)';
      if (output.form === 'table')
        await terminal.out(`${objectName(kind, made.metadata.name ?? '')} created${suffix}\n`);
    } catch (error) {
      if (!isApiError(error) || error.reason === 'ServiceUnavailable') throw error;
      failures++;
      terminal.err(`${errorText(error)}\n  (${place})\n`);
    }
  if (output.form !== 'table' && done.length > 0)
    await printObjects(output, done, terminal, { asList: compiled.length > 1 });
  return failures > 0 ? 1 : 0;
}
