import { UsageError } from '../failure.ts';
import { isOn, type Options, textOption } from '../options.ts';
import { toJson, toYaml } from '../print/object.ts';
import type { Session } from '../session.ts';
import { programVersion } from '../version.ts';

/** `runictl version`: ours, and the server's unless --client. */
export async function version(session: Session, options: Options): Promise<number> {
  const { terminal } = session;
  const form = textOption(options, 'output');
  if (form !== undefined && form !== 'json' && form !== 'yaml')
    throw new UsageError(`-o ${form}: version prints json or yaml`);
  const clientVersion = {
    gitVersion: `v${programVersion}`,
    platform: `${process.platform}/${process.arch}`,
    node: process.version,
  };
  const serverVersion = isOn(options, 'client')
    ? undefined
    : await (await (await session.connect()).get('/version')).json();
  const value = { clientVersion, ...(serverVersion === undefined ? {} : { serverVersion }) };
  if (form === 'json') await terminal.out(toJson(value));
  else if (form === 'yaml') await terminal.out(await toYaml(value));
  else {
    await terminal.out(`Client Version: ${clientVersion.gitVersion}\n`);
    const git: unknown =
      typeof serverVersion === 'object' && serverVersion !== null
        ? Reflect.get(serverVersion, 'gitVersion')
        : undefined;
    if (serverVersion !== undefined)
      await terminal.out(`Server Version: ${typeof git === 'string' ? git : 'unknown'}\n`);
  }
  return 0;
}
