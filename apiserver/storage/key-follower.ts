import { createHash } from 'node:crypto';
import { type EmbeddedBarn, plain, type StoreKeys } from '../../barn/index.ts';
import type { Clock, Log } from '../../base/index.ts';
import { type Repeating, repeat } from '../repeating.ts';

/** How often the key file is looked at. */
const lookMs = 2_000;

/** Says nothing of the keys but their names, in order. */
export function namesOf(keys: StoreKeys): readonly string[] {
  return keys.map((key) => (key === plain ? plain : key.id));
}

/**
 * Reads the key file every so often and lets the store go over to what it holds then. A file that cannot be taken, such as one
 * without a key that is still needed, changes nothing: the store goes on with the keys it has, and the log says why.
 */
export function followKeyFile(options: {
  readonly barn: Pick<EmbeddedBarn, 'useKeys'>;
  readonly read: () => Promise<StoreKeys>;
  /** What the store was opened with. */
  readonly keys: StoreKeys;
  readonly clock: Clock;
  readonly log: Log;
}): Repeating {
  const { barn, read, clock, log } = options;
  let taken = signOf(options.keys);
  let lastWords = '';
  let isStopped = false;
  const looking = repeat(clock, lookMs, take, (error) => {
    const words = error instanceof Error ? error.message : String(error);
    // Every few seconds the same is said once.
    if (words !== lastWords) log.error('encryption keys not taken, the former ones stay', { error: words });
    lastWords = words;
  });
  async function take(): Promise<void> {
    const keys = await read();
    if (isStopped) return;
    if (signOf(keys) === taken) {
      lastWords = '';
      return;
    }
    await barn.useKeys(keys);
    taken = signOf(keys);
    lastWords = '';
    log.info('encryption keys taken', { keys: namesOf(keys) });
    warnOfPlain(keys, log);
  }
  return {
    stop() {
      isStopped = true;
      looking.stop();
    },
  };
}

/** Who writes in the open with a key file at hand is told so: it is never done silently. */
export function warnOfPlain(keys: StoreKeys, log: Log): void {
  if (keys[0] === plain)
    log.warn('the store is written in the open: "plain" is first in the key file', { keys: namesOf(keys) });
  else if (keys.includes(plain))
    log.warn(
      'the store also reads what is not encrypted: take "plain" out of the key file once barn status shows it no more',
      {
        keys: namesOf(keys),
      },
    );
}

/** Equal for equal keys in equal order. */
function signOf(keys: StoreKeys): string {
  const hash = createHash('sha256');
  for (const key of keys) {
    hash.update(JSON.stringify(key === plain ? key : { id: key.id }));
    if (key !== plain) hash.update(key.key);
  }
  return hash.digest('hex');
}
