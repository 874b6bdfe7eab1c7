import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isApiError, type Unstructured } from '../../apis/index.ts';
import { refOf } from '../../client/index.ts';
import { CommandError, errorText } from '../failure.ts';
import type { Options } from '../options.ts';
import { escapeControls } from '../print/escape.ts';
import { toYaml, withoutManagedFields } from '../print/object.ts';
import type { Session } from '../session.ts';
import { applyOnce } from './apply.ts';
import { compileFiles } from './compile.ts';

/** `runictl diff -f`: what apply would change, by the server's word. Exit code 0 nothing, 1 something, 2 or more an error. */
export async function diff(session: Session, options: Options): Promise<number> {
  const api = await session.connect();
  const compiled = await compileFiles(session, options, api.namespace);
  const folder = await mkdtemp(join(tmpdir(), 'runictl-diff-'));
  try {
    for (const side of ['LIVE', 'MERGED']) await mkdir(join(folder, side));
    for (const item of compiled) {
      const live = await api.client.get<Unstructured>(item.kind, refOf(item.object)).catch((error: unknown) => {
        if (isApiError(error, 'NotFound')) return undefined;
        throw error;
      });
      const { object } = await applyOnce(api, item, 'server');
      const file = [item.kind.kind, item.object.metadata.namespace, item.object.metadata.name]
        .filter(Boolean)
        .join('.');
      if (live !== undefined) await writeFile(join(folder, 'LIVE', file), await toYaml(withoutManagedFields(live)));
      await writeFile(join(folder, 'MERGED', file), await toYaml(withoutManagedFields(object)));
    }
    const { status, stdout, error } = spawnSync('diff', ['-u', '-N', '-r', 'LIVE', 'MERGED'], {
      cwd: folder,
      encoding: 'utf8',
    });
    if (error !== undefined || status === null || status > 1)
      throw new CommandError(`the program diff cannot be run: ${error?.message ?? 'it failed'}`, { exitCode: 2 });
    await session.terminal.out(escapeControls(stdout));
    return status;
  } catch (error) {
    if (error instanceof CommandError && error.exitCode > 1) throw error;
    if (isApiError(error)) session.terminal.err(`${errorText(error)}\n`);
    else throw error;
    return 2;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
