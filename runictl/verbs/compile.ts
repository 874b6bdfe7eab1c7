import { loadKubeconfig } from '../../client/index.ts';
import { kubeconfigPath } from '../connect.ts';
import { UsageError } from '../failure.ts';
import { type Compiled, compile } from '../manifest/compile.ts';
import { readManifests } from '../manifest/read.ts';
import { isOn, listOption, type Options, textOption } from '../options.ts';
import { toJson, toYaml } from '../print/object.ts';
import { type Session, sdkFile } from '../session.ts';

/** `runictl compile`: the objects of the files, code bundled, in the order apply takes them. Needs no server. */
export async function compileVerb(session: Session, options: Options): Promise<void> {
  const { terminal } = session;
  const form = textOption(options, 'output') ?? 'yaml';
  if (form !== 'yaml' && form !== 'json') throw new UsageError(`-o ${form}: compile prints yaml or json`);
  const objects = (await compileFiles(session, options, await namespaceOf(session))).map(({ object }) => object);
  if (form === 'json') await terminal.out(toJson({ apiVersion: 'v1', kind: 'List', items: objects }));
  else await terminal.out((await Promise.all(objects.map(toYaml))).join('---\n'));
}

/** The objects of -f, compiled and in order. */
export async function compileFiles(session: Session, options: Options, namespace: string): Promise<Compiled[]> {
  const manifests = await readManifests(listOption(options, 'filename'), session.terminal, {
    recursive: isOn(options, 'recursive'),
  });
  return compile(manifests, { namespace, sdkFile: sdkFile(session) });
}

// Compiling goes without a cluster: the herd comes from -n or a kubeconfig, if there is one.
async function namespaceOf({ flags, terminal }: Session): Promise<string> {
  if (flags.namespace !== undefined) return flags.namespace;
  return loadKubeconfig(
    kubeconfigPath(flags, terminal),
    flags.context === undefined ? {} : { context: flags.context },
  ).then(
    ({ namespace }) => namespace,
    () => 'default',
  );
}
