// A member of a store as a process for tests: `node member.js OPTIONS`, where OPTIONS is JSON as `MemberOptions`. Prints a line
// when it serves; `readIndex` of a client tells when it has a leader. Ends when told by SIGTERM or when its stdin ends.
import { type ClusterOptions, type EmbeddedBarnOptions, openEmbeddedBarn } from '../../../barn/index.ts';
import { systemClock, systemLog } from '../../../base/index.ts';
import { serveBarn } from './server.ts';

/** What a member is started with. */
export interface MemberOptions {
  readonly name: string;
  readonly directory: string;
  /** Where it serves: a unix socket. */
  readonly at: string;
  readonly cluster?: ClusterOptions;
  readonly diskLimits?: EmbeddedBarnOptions['diskLimits'];
}

async function main(): Promise<void> {
  const { at, ...options } = JSON.parse(process.argv[2] ?? '{}') as MemberOptions;
  const barn = await openEmbeddedBarn({
    ...options,
    clock: systemClock,
    log: systemLog(options.name),
    onFailed: () => process.exit(1),
  });
  const server = await serveBarn(barn, at);
  process.stdout.write('{"ready":true}\n');
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
