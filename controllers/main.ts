// runink-controllers: all controllers in one process, behind one lease, so that of several processes one works.
import { setMaxListeners } from 'node:events';
import { parseArgs } from 'node:util';
import { isApiError, kinds, wellKnown } from '../apis/index.ts';
import {
  abortOnSignals,
  Lifetime,
  type Log,
  sleep,
  systemClock,
  systemLog,
  systemRandom,
  watchParent,
} from '../base/index.ts';
import { FencedClient, HttpClient, KubeconfigError, loadKubeconfig } from '../client/index.ts';
import { runControllers } from './controllers.ts';
import { isProcessGone, processIdentity } from './identity.ts';
import { EventRecorder, Informers, LeaderElection } from './kit/index.ts';

const usage = `usage: runink-controllers --kubeconfig FILE [--context NAME] [--identity NAME]
                          [--leader-elect-lease-ms N] [--leader-elect-renew-ms N] [--log-level LEVEL]
`;

/** Waits between the first attempts to reach the API. */
const reachRetryMs = 200;

interface Flags {
  readonly kubeconfig: string;
  readonly context: string | undefined;
  readonly identity: string | undefined;
  readonly leaseMs: number | undefined;
  readonly renewMs: number | undefined;
  readonly logLevel: string;
}

async function main(argv: readonly string[]): Promise<number> {
  const flags = readFlags(argv);
  if (typeof flags === 'string') {
    process.stderr.write(`runink-controllers: ${flags}\n${usage}`);
    return 2;
  }
  const log = systemLog('runink-controllers', flags.logLevel);
  using signals = abortOnSignals(process);
  await using lifetime = new Lifetime();
  // Who started us may send a signal and let stdin end: that is one wish to end, not two.
  const parent = new AbortController();
  watchParent(process.env, process.stdin, () => parent.abort());
  const signal = AbortSignal.any([signals.signal, parent.signal]);
  setMaxListeners(0, signal);
  const connection = await loadKubeconfig(
    flags.kubeconfig,
    flags.context === undefined ? {} : { context: flags.context },
  );
  const client = lifetime.use(new HttpClient(connection, { userAgent: 'runink-controllers' }));
  if (!(await reach(client, log, signal))) return 0;
  process.stdout.write('{"ready":true}\n');

  const deps = { client, clock: systemClock, random: systemRandom, log };
  const lease = { namespace: wellKnown.systemHerd, name: wellKnown.schedulerLease };
  const election = new LeaderElection(deps, {
    lease,
    identity: flags.identity ?? (await processIdentity(process.pid)),
    isGone: (identity) => isProcessGone(identity),
    ...(flags.leaseMs !== undefined && { leaseMs: flags.leaseMs }),
    ...(flags.renewMs !== undefined && { renewMs: flags.renewMs }),
  });
  await election.run(async (epoch, leading) => {
    await using term = new Lifetime();
    // All that is read is read after the lease was taken, and all that is written is written while it is held: so what is read
    // here is never older than what another leader wrote, and nothing of a former term comes after it.
    const own = { ...deps, client: new FencedClient(client, { lease, epoch }) };
    const informers = term.use(new Informers(own));
    const recorder = term.use(new EventRecorder({ ...own, component: 'runink-controllers' }));
    await runControllers({ ...own, informers, recorder }, epoch, leading);
  }, signal);
  return 0;
}

/** Waits until the API answers; false when the signal came first. A refusal is no matter of time and is thrown. */
async function reach(client: HttpClient, log: Log, signal: AbortSignal): Promise<boolean> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      await client.get(kinds.herds, { name: wellKnown.systemHerd }, { signal });
      return true;
    } catch (cause) {
      if (signal.aborted) break;
      if (isApiError(cause, 'Unauthorized', 'Forbidden')) throw cause;
      if (attempt % 25 === 0) log.warn('the API does not answer yet', { cause: String(cause) });
    }
    await sleep(systemClock, reachRetryMs, signal).catch(() => {});
  }
  return false;
}

/** The flags, or what is wrong with them. */
function readFlags(argv: readonly string[]): Flags | string {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        kubeconfig: { type: 'string' },
        context: { type: 'string' },
        identity: { type: 'string' },
        'leader-elect-lease-ms': { type: 'string' },
        'leader-elect-renew-ms': { type: 'string' },
        'log-level': { type: 'string', default: 'info' },
      },
    });
    if (values.kubeconfig === undefined) return '--kubeconfig FILE is missing';
    return {
      kubeconfig: values.kubeconfig,
      context: values.context,
      identity: values.identity,
      leaseMs: milliseconds('leader-elect-lease-ms', values['leader-elect-lease-ms']),
      renewMs: milliseconds('leader-elect-renew-ms', values['leader-elect-renew-ms']),
      logLevel: values['log-level'],
    };
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}

function milliseconds(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name} must be a whole number of milliseconds, not "${text}"`);
  return value;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (cause) {
  // Bugs keep their stack; what an operator can mend is said in a line.
  const isPlain = cause instanceof KubeconfigError || isApiError(cause);
  process.stderr.write(
    `runink-controllers: ${isPlain ? cause.message : cause instanceof Error ? cause.stack : String(cause)}\n`,
  );
  process.exitCode = 1;
}
