import { isApiError, type Unstructured } from '../../apis/index.ts';
import { refOf } from '../../client/index.ts';
import { CommandError, errorText, UsageError } from '../failure.ts';
import { isOn, type Options, textOption } from '../options.ts';
import { objectName } from '../print/object.ts';
import { parseSelections } from '../resource.ts';
import type { Session } from '../session.ts';
import { fetchObjects } from './listing.ts';

/** What `label` and `annotate` change. */
export type Place = 'labels' | 'annotations';

/** KEY=VALUE sets, KEY- removes (null). */
export type Changes = Readonly<Record<string, string | null>>;

/** Splits the arguments of `label` and `annotate` into objects and changes. Errors: UsageError. */
export function parseChanges(
  args: readonly string[],
  place: Place,
): { readonly objects: string[]; readonly changes: Changes } {
  const isChange = (word: string): boolean => /^[^=/-][^=]*(\/[^=]+)?=/.test(word) || /^[^=]+-$/.test(word);
  const objects = args.filter((word) => !isChange(word));
  const changes = Object.fromEntries(
    args.filter(isChange).map((word): [string, string | null] => {
      const equals = word.indexOf('=');
      return equals < 0 ? [word.slice(0, -1), null] : [word.slice(0, equals), word.slice(equals + 1)];
    }),
  );
  if (Object.keys(changes).length === 0)
    throw new UsageError(`at least one of the ${place} is required, as KEY=VALUE or KEY-`);
  return { objects, changes };
}

/** `runictl label` and `runictl annotate`: set with KEY=VALUE, remove with KEY-; others’ values only with --overwrite. */
export async function label(
  session: Session,
  place: Place,
  args: readonly string[],
  options: Options,
): Promise<number> {
  const { objects, changes } = parseChanges(args, place);
  const api = await session.connect();
  const labelSelector = textOption(options, 'selector');
  let failures = 0;
  for (const selection of parseSelections(objects)) {
    if (selection.names.length === 0 && labelSelector === undefined && !isOn(options, 'all'))
      throw new UsageError('name the objects, or select them with -l or --all');
    const found = await fetchObjects(api, selection, {
      namespace: api.namespace,
      labelSelector,
      fieldSelector: undefined,
    });
    for (const object of found)
      try {
        if (!isOn(options, 'overwrite')) refuseOverwriting(object, place, changes);
        const ref = refOf(object);
        const body = { metadata: { [place]: changes } };
        const after = await api.client.patch<Unstructured>(selection.kind, ref, { type: 'merge', body });
        await session.terminal.out(
          `${objectName(selection.kind, ref.name)} ${outcome(object, after, place, changes)}\n`,
        );
      } catch (error) {
        if (!isApiError(error) && !(error instanceof CommandError)) throw error;
        failures++;
        session.terminal.err(`${errorText(error)}\n`);
      }
  }
  return failures > 0 ? 1 : 0;
}

function refuseOverwriting(object: Unstructured, place: Place, changes: Changes): void {
  for (const [key, value] of Object.entries(changes)) {
    const current = object.metadata[place]?.[key];
    if (value !== null && current !== undefined && current !== value)
      throw new CommandError(`'${key}' already has a value (${current}), and --overwrite is false`);
  }
}

function outcome(before: Unstructured, after: Unstructured, place: Place, changes: Changes): string {
  const word = place === 'labels' ? 'labeled' : 'annotated';
  if (before.metadata.resourceVersion === after.metadata.resourceVersion)
    return place === 'labels' ? `not ${word}` : word;
  return place === 'labels' && Object.values(changes).every((value) => value === null) ? `un${word}` : word;
}
