// runi-agent: see flags.ts. Started by the helper, which leaves it the descriptors RUNINK_HELPER_FD and RUNINK_EXCHANGE_FD, or
// by hand with --isolation none.
import { systemLog } from '../base/index.ts';
import { FlagError, type Flags, parseFlags, usage } from './flags.ts';
import { runAgent } from './run-agent.ts';

process.umask(0o022);
const log = systemLog('runi-agent');
process.exit(await main());

async function main(): Promise<number> {
  let flags: Flags;
  try {
    flags = parseFlags(process.argv.slice(2));
    if (flags.isolation === 'full' && process.env['RUNINK_HELPER_FD'] === undefined)
      throw new FlagError(
        'full isolation needs the helper, which starts this program: start the cluster as root with runictl dev, or run without isolation by --isolation=none',
      );
  } catch (cause) {
    if (!(cause instanceof FlagError)) throw cause;
    process.stderr.write(`runi-agent: ${cause.message}\n${usage}\n`);
    return 2;
  }
  try {
    await runAgent(flags, log);
    return 0;
  } catch (cause) {
    log.error('agent failed', { error: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) });
    return 1;
  }
}
