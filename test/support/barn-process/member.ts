// A member of a store as a process for tests and benchmarks: `node member.js OPTIONS`, where OPTIONS is JSON as
// `MemberOptions`. Prints one line when it serves, and ends when told by SIGTERM or when its stdin ends.
import { openEmbeddedBarn } from '../../../barn/index.ts';
import { systemClock, systemLog } from '../../../base/index.ts';
import { serveBarn } from './server.ts';

/** What a member is started with. */
export interface MemberOptions {
  readonly name: string;
  readonly directory: string;
  /** Where it serves: a unix socket, or a loopback port. */
  readonly at: string | number;
}

async function main(): Promise<void> {
  const options = JSON.parse(process.argv[2] ?? '{}') as MemberOptions;
  const log = systemLog(options.name);
  const barn = await openEmbeddedBarn({
    directory: options.directory,
    name: options.name,
    clock: systemClock,
    log,
    onFailed: () => process.exit(1),
  });
  const server = await serveBarn(barn, options.at);
  const address = server.address();
  process.stdout.write(`${JSON.stringify({ ready: typeof address === 'string' ? address : address?.port })}\n`);
  const stop = (): void => {
    server.close();
    barn.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', stop);
  process.stdin.on('end', stop).resume();
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
