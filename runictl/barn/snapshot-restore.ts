import { resolve } from 'node:path';
import { CommandError } from '../failure.ts';
import { isOn, type Options, textOption } from '../options.ts';
import { toJson } from '../print/object.ts';
import type { Session } from '../session.ts';
import { isRecord, textOf } from '../values.ts';
import { keyFileFlag, offline } from './offline.ts';
import { sizeText } from './status.ts';

const passedOn = {
  name: 'name',
  initialCluster: 'initial-cluster',
  initialClusterToken: 'initial-cluster-token',
  bumpRevision: 'bump-revision',
} as const;

/** `runictl barn snapshot restore FILE --data DIR`: the store of a server that does not run, begun anew with a snapshot. */
export async function snapshotRestore(session: Session, file: string, options: Options): Promise<void> {
  const { terminal } = session;
  const path = (text: string): string => resolve(terminal.cwd, text);
  const { code, out } = await offline(session, [
    'snapshot',
    'restore',
    path(file),
    '--data',
    path(textOption(options, 'data') ?? ''),
    ...Object.entries(passedOn).flatMap(([option, flag]) => {
      const text = textOption(options, option);
      return text === undefined ? [] : [`--${flag}`, text];
    }),
    ...(isOn(options, 'skipHashCheck') ? ['--skip-hash-check'] : []),
    ...keyFileFlag(session, options),
  ]);
  if (code !== 0) throw new CommandError(`${file} was not restored, and nothing was left of it`);
  const restored: unknown = JSON.parse(out);
  if (!isRecord(restored)) throw new CommandError(`the server's program did not say what it restored: ${out}`);
  if (textOption(options, 'output') === 'json') return terminal.out(toJson(restored));
  const { directory, name, members, revision, hash, keys, bytes } = restored;
  const others = Array.isArray(members) ? members.filter((member) => member !== name) : [];
  await terminal.out(
    [
      `restored ${textOf(keys)} keys (${sizeText(Number(bytes ?? 0))}) into ${textOf(directory)}`,
      `revision ${textOf(revision)}, hash ${Number(hash ?? 0).toString(16)}: everything below is compacted, so whoever watches lists anew`,
      ...(others.length === 0
        ? [`start the server as before, as ${textOf(name)}`]
        : [
            `restore ${others.join(', ')} from the same file with the same --initial-cluster and --initial-cluster-token, then start all`,
          ]),
      '',
    ].join('\n'),
  );
}
