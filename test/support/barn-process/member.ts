// A member of a store as a process for tests and benchmarks: `node member.js OPTIONS`, where OPTIONS is JSON as `MemberOptions`.
// Prints a line with its port when it serves; `readIndex` of a client tells when it has a leader. Ends when told by SIGTERM or
// when its stdin ends.
import { type ClusterOptions, type EmbeddedBarnOptions, openEmbeddedBarn } from '../../../barn/index.ts';
import { systemClock, systemLog } from '../../../base/index.ts';
import { serveBarn } from './server.ts';

/** What a member is started with. */
export interface MemberOptions {
  readonly name: string;
  readonly directory: string;
  /** Where it serves: a unix socket, or a loopback port (0: any free one). */
  readonly at: string | number;
  /** What it logs at least; info if absent. */
  readonly logLevel?: string;
  readonly cluster?: ClusterOptions;
  /** 32 bytes in base64 that encrypt its files. */
  readonly key?: string;
  readonly diskLimits?: EmbeddedBarnOptions['diskLimits'];
}

async function main(): Promise<void> {
  const { at, logLevel, key, ...options } = JSON.parse(process.argv[2] ?? '{}') as MemberOptions;
  const barn = await openEmbeddedBarn({
    ...options,
    ...(key === undefined ? {} : { keys: [{ id: 'test', key: Buffer.from(key, 'base64') }] }),
    clock: systemClock,
    log: systemLog(options.name, logLevel),
    onFailed: () => process.exit(1),
  });
  const server = await serveBarn(barn, at);
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  process.stdout.write(`${JSON.stringify({ ready: true, port })}\n`);
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
