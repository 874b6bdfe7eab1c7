// What is done offline with a saved snapshot; flags that etcdutl has bear its names.
import { parseArgs } from 'node:util';
import type { ClusterOptions } from '../barn/index.ts';
import { FlagError, initialClusterOf } from './flag-texts.ts';

/** What the program is to do with a snapshot. */
export type SnapshotCommand =
  | { readonly do: 'verify-snapshot'; readonly file: string; readonly encryptionKeyFile?: string }
  | { readonly do: 'restore-snapshot'; readonly file: string; readonly flags: RestoreFlags };

/** The member that begins with the snapshot. */
export interface RestoreFlags {
  /** As for the server that is started then: the store lies below it. */
  readonly data: string;
  readonly name: string;
  readonly cluster?: Pick<ClusterOptions, 'initialCluster' | 'token'>;
  readonly bumpRevision?: number;
  readonly encryptionKeyFile?: string;
}

/** How it is called. */
export const snapshotUsage = `       runink-apiserver snapshot verify FILE [--encryption-key-file FILE]
       runink-apiserver snapshot restore FILE --data DIR [--name NAME]
                        [--initial-cluster NAME=https://HOST:PORT,… --initial-cluster-token TEXT]
                        [--bump-revision N] [--mark-compacted] [--encryption-key-file FILE]`;

/** More than this is no number of writes but a slip. */
const bumpMax = 1_000_000_000_000;

/** Reads what follows `snapshot`. Errors: FlagError. */
export function readSnapshotCommand([action, ...argv]: readonly string[]): SnapshotCommand {
  switch (action) {
    case 'verify': {
      const { file, values } = parse(action, argv, { 'encryption-key-file': { type: 'string' } });
      return { do: 'verify-snapshot', file, ...keyFileOf(values['encryption-key-file']) };
    }
    case 'restore':
      return readRestore(argv);
    default:
      throw new FlagError(`snapshot has no action "${action ?? ''}"; there are: verify, restore`);
  }
}

function readRestore(argv: readonly string[]): SnapshotCommand {
  const { file, values } = parse('restore', argv, {
    data: { type: 'string' },
    name: { type: 'string', default: 'apiserver' },
    'initial-cluster': { type: 'string' },
    'initial-cluster-token': { type: 'string' },
    'bump-revision': { type: 'string' },
    'mark-compacted': { type: 'boolean' },
    'skip-hash-check': { type: 'boolean' },
    'encryption-key-file': { type: 'string' },
  });
  const { data, name, 'initial-cluster': cluster, 'initial-cluster-token': token } = values;
  if (data === undefined)
    throw new FlagError('--data DIR is missing: the folder of the server that is to have the store');
  if (values['skip-hash-check'] === true)
    throw new FlagError('--skip-hash-check: a snapshot always has its hash here; one that does not match is damaged');
  if (cluster === undefined && token !== undefined)
    throw new FlagError('--initial-cluster-token goes with --initial-cluster');
  if (cluster !== undefined && token === undefined)
    throw new FlagError(
      '--initial-cluster-token is missing: give the new group a name of its own, so that no member of the old one is taken for one of it',
    );
  const bump = values['bump-revision'];
  if (bump !== undefined && !(/^\d{1,13}$/.test(bump) && Number(bump) >= 1 && Number(bump) <= bumpMax))
    throw new FlagError(`--bump-revision ${bump} is no number of revisions from 1 to ${bumpMax}`);
  return {
    do: 'restore-snapshot',
    file,
    flags: {
      data,
      name,
      ...(cluster === undefined || token === undefined
        ? {}
        : { cluster: { initialCluster: initialClusterOf(cluster, name).initialCluster, token } }),
      ...(bump === undefined ? {} : { bumpRevision: Number(bump) }),
      ...keyFileOf(values['encryption-key-file']),
    },
  };
}

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>['options']>;

function parse<T extends Options>(action: string, argv: readonly string[], options: T) {
  const parsed = parsedOf(argv, options);
  const [file, ...more] = parsed.positionals;
  if (file === undefined || more.length > 0) throw new FlagError(`snapshot ${action} takes one FILE`);
  return { file, values: parsed.values };
}

function parsedOf<T extends Options>(argv: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (cause) {
    throw new FlagError(cause instanceof Error ? cause.message : String(cause));
  }
}

function keyFileOf(file: string | undefined): { readonly encryptionKeyFile?: string } {
  return file === undefined ? {} : { encryptionKeyFile: file };
}
