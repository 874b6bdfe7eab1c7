import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { BarnError } from '../barn.ts';

/** One change of the map on disk. */
export type DiskWrite =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string };

/** An ordered map on disk. Every error is final: after one nobody knows what is on disk, so the store must end. */
export interface Disk {
  get(key: string): Promise<Uint8Array | undefined>;
  /** Entries with `prefix`, in key order, in pages. */
  pages(prefix: string): AsyncIterable<readonly (readonly [string, Uint8Array])[]>;
  /** All or nothing, and on stable storage when it resolves. */
  write(writes: readonly DiskWrite[]): Promise<void>;
  sizeBytes(): Promise<number>;
  close(): Promise<void>;
}

const pageLength = 1_000;
// Nothing is read but at start, so a cache would be idle memory; a larger write buffer means fewer rewrites of tables.
const cacheBytes = 1024 * 1024;
const writeBufferBytes = 8 * 1024 * 1024;

/** Opens or makes a LevelDB in `directory`; it is ours alone until closed. Errors: Storage (also when another has it), Corrupt. */
export async function openLevelDisk(directory: string): Promise<Disk> {
  const level = new ClassicLevel<string, Uint8Array>(directory, {
    keyEncoding: 'utf8',
    valueEncoding: 'view',
    cacheSize: cacheBytes,
    writeBufferSize: writeBufferBytes,
  });
  try {
    await makeDirectory(directory);
    await level.open();
  } catch (cause) {
    throw openError(directory, cause);
  }
  return new LevelDisk(level);
}

class LevelDisk implements Disk {
  readonly #level: ClassicLevel<string, Uint8Array>;

  constructor(level: ClassicLevel<string, Uint8Array>) {
    this.#level = level;
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#level.get(key);
  }

  async *pages(prefix: string): AsyncGenerator<readonly (readonly [string, Uint8Array])[]> {
    const iterator = this.#level.iterator({ gte: prefix, lt: `${prefix}\x7f` });
    try {
      for (;;) {
        const page = await iterator.nextv(pageLength);
        if (page.length === 0) return;
        yield page;
      }
    } finally {
      await iterator.close();
    }
  }

  async write(writes: readonly DiskWrite[]): Promise<void> {
    await this.#level.batch([...writes], { sync: true });
  }

  async sizeBytes(): Promise<number> {
    const { location } = this.#level;
    // LevelDB deletes files meanwhile; one that is gone has no size.
    const sizes = (await readdir(location)).map((file) =>
      stat(join(location, file)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  }

  close(): Promise<void> {
    return this.#level.close();
  }
}

/** LevelDB syncs what is in its directory, but the name of the directory itself is in the one above. */
async function makeDirectory(directory: string): Promise<void> {
  if ((await mkdir(directory, { recursive: true, mode: 0o700 })) === undefined) return;
  const parent = await open(dirname(resolve(directory)));
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}

function openError(directory: string, error: unknown): BarnError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'LEVEL_LOCKED':
      return new BarnError(
        'Storage',
        `open the store in ${directory}: another process has it open; stop that one, or name another directory`,
        { cause: error },
      );
    case 'LEVEL_CORRUPTION':
      return new BarnError(
        'Corrupt',
        `open the store in ${directory}: LevelDB finds it damaged; put a copy back, or start with an empty directory`,
        {
          cause: error,
        },
      );
    default: {
      const why = cause instanceof Error ? cause.message : String(cause);
      return new BarnError('Storage', `open the store in ${directory}: ${why}`, { cause: error });
    }
  }
}
