import { open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { syncDirectory } from '../../base/index.ts';
import { CommandError, messageOf } from '../failure.ts';
import { isOn, type Options, textOption } from '../options.ts';
import { toJson } from '../print/object.ts';
import type { Session } from '../session.ts';
import { sizeText } from './status.ts';

/** `runictl barn snapshot save FILE`: a consistent copy of the store, whole on disk or not there; encrypted where the store is. */
export async function snapshotSave(session: Session, file: string, options: Options): Promise<void> {
  const { terminal } = session;
  const path = resolve(terminal.cwd, file);
  const part = `${path}.part`;
  const query = isOn(options, 'unencrypted') ? '?unencrypted=true' : '';
  const answer = await (await session.connect()).get(`/barn/v1/snapshot${query}`, {
    signal: terminal.signal,
    isLong: true,
  });
  let sizeBytes = 0;
  try {
    // What is in a store concerns nobody else on this machine.
    const out = await open(part, 'w', 0o600);
    try {
      for await (const chunk of answer.chunks()) {
        await out.writeFile(chunk);
        sizeBytes += chunk.length;
      }
      await out.sync();
    } finally {
      await out.close();
    }
    await rename(part, path);
  } catch (cause) {
    await rm(part, { force: true });
    terminal.signal.throwIfAborted();
    throw new CommandError(`the snapshot was not saved to ${path}: ${messageOf(cause)}; nothing was left there`, {
      cause,
    });
  }
  await syncDirectory(dirname(path));
  if (textOption(options, 'output') === 'json') return terminal.out(toJson({ file: path, sizeBytes }));
  await terminal.out(`saved ${path} (${sizeText(sizeBytes)}); check it with: runictl barn snapshot verify ${path}\n`);
}
