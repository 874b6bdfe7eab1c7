import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { makeDirectory } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import { storageFault } from '../storage-fault.ts';
import { type Disk, type DiskView, type DiskWrite, type DiskWriteOptions, entryBytes, flushBytes } from './disk.ts';
import { checkTables } from './level-tables.ts';

const pageLength = 1_000;
// Little is read but at start, and the kernel caches the files; a larger write buffer means fewer rewrites of tables.
const cacheBytes = 1024 * 1024;
/** So much is compacted at a time when all is; writes wait meanwhile. */
const reclaimBytes = 16 * 1024 * 1024;
// So large that LevelDB never changes its log by itself: see #flush.
const writeBufferBytes = 64 * 1024 * 1024;

const remedy = 'remove this member, empty its directory and add it anew, or restore a snapshot when it is the only one';

/** Opens or makes a LevelDB in `directory`; it is ours alone until closed. Errors: Storage (also when another has it), Corrupt. */
export async function openLevelDisk(directory: string): Promise<Disk> {
  try {
    // Before LevelDB, which would make it open to others, and syncs only what is in it.
    await makeDirectory(directory);
    await checkFiles(directory);
    const level = new ClassicLevel<string, Uint8Array>(directory, {
      keyEncoding: 'utf8',
      valueEncoding: 'view',
      cacheSize: cacheBytes,
      writeBufferSize: writeBufferBytes,
    });
    await level.open();
    return new LevelDisk(level);
  } catch (cause) {
    throw openError(directory, cause);
  }
}

/** What LevelDB would not notice, or notice by ending the process, or answer by beginning anew over what is there. */
async function checkFiles(directory: string): Promise<void> {
  const account = await readFile(join(directory, 'CURRENT'), 'latin1').catch(() => undefined);
  const names = await readdir(directory);
  // LevelDB makes this file before any that holds something.
  const left = names.find((name) => /\.(ldb|log)$/.test(name));
  if (account === undefined && left === undefined) return;
  if (account !== undefined && /^MANIFEST-\d+\n$/.test(account) && names.includes(account.trimEnd()))
    return checkTables(directory);
  const fault =
    account === undefined ? `is missing, though ${left} is there` : 'does not name a MANIFEST that is there';
  throw new BarnError('Corrupt', `open the store in ${directory}: its file CURRENT ${fault}; ${remedy}`);
}

class LevelDisk implements Disk {
  readonly #level: ClassicLevel<string, Uint8Array>;
  #bytesInLog = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(level: ClassicLevel<string, Uint8Array>) {
    this.#level = level;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    try {
      return await this.#level.get(key);
    } catch (cause) {
      throw openError(this.#level.location, cause);
    }
  }

  async getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    try {
      // LevelDB reads what is there as of the call.
      return await this.#level.getMany([...keys]);
    } catch (cause) {
      throw readError(this.#level.location, cause);
    }
  }

  getNow(key: string): Uint8Array | undefined {
    try {
      return this.#level.getSync(key);
    } catch (cause) {
      throw readError(this.#level.location, cause);
    }
  }

  view(): DiskView {
    const snapshot = this.#level.snapshot();
    return {
      getMany: async (keys) => {
        try {
          return await this.#level.getMany([...keys], { snapshot });
        } catch (cause) {
          throw readError(this.#level.location, cause);
        }
      },
      close: () => snapshot.close(),
    };
  }

  async *pages(prefix: string): AsyncGenerator<readonly (readonly [string, Uint8Array])[]> {
    const iterator = this.#level.iterator({ gte: prefix, lt: `${prefix}\x7f` });
    try {
      for (;;) {
        const page = await iterator.nextv(pageLength);
        if (page.length === 0) return;
        yield page;
      }
    } catch (cause) {
      throw openError(this.#level.location, cause);
    } finally {
      await iterator.close();
    }
  }

  write(writes: readonly DiskWrite[], { sync }: DiskWriteOptions): Promise<void> {
    return this.#inTurn(async () => {
      // Operation by operation: a batch made of an array costs nine times as much on this thread.
      const batch = this.#level.batch();
      for (const write of writes) {
        if (write.type === 'put') batch.put(write.key, write.value);
        else batch.del(write.key);
        this.#bytesInLog += entryBytes + (write.type === 'put' ? write.value.byteLength : 0);
      }
      const flush = this.#bytesInLog > flushBytes;
      await batch.write({ sync: sync || flush });
      if (flush) await this.#flush();
    });
  }

  clear(prefix: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#level.clear({ gte: prefix, lt: `${prefix}\x7f` });
      // Nobody knows how much that was.
      this.#bytesInLog = flushBytes;
    });
  }

  async reclaim(signal?: AbortSignal): Promise<void> {
    const bounds = [''];
    let bytes = 0;
    // Read to the end first: what an open iterator sees, LevelDB keeps.
    for await (const page of this.pages('')) {
      for (const [, value] of page) bytes += entryBytes + value.byteLength;
      const [last] = page.at(-1) ?? [];
      if (bytes < reclaimBytes || last === undefined) continue;
      bounds.push(last);
      bytes = 0;
    }
    for (const [at, from] of bounds.entries()) {
      if (signal?.aborted === true) return;
      await this.#inTurn(() => this.#compact(from, bounds[at + 1] ?? '\x7f'));
    }
  }

  /** As a flush, and then compacts a range of keys: of each only the newest is left, of what was deleted nothing. */
  async #compact(from: string, to: string): Promise<void> {
    // It begins with a new log, hence after a synced write; a batch of nothing would not be written.
    const [first] = await this.#level.iterator({ limit: 1 }).all();
    if (first !== undefined) await this.#level.batch().put(first[0], first[1]).write({ sync: true });
    this.#bytesInLog = 0;
    await this.#level.compactRange(from, to);
  }

  /**
   * One change after the other: nothing may come between the sync and the new log of a flush. After one that failed all fail:
   * LevelDB would write on behind a torn record, and skip it alone at the next start.
   */
  #inTurn(change: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(change);
    this.#last.catch(() => {});
    return this.#last;
  }

  /**
   * Makes tables of what is in memory and starts a new log. LevelDB does not sync an old log when it goes on in a new one, so
   * a power loss could take the end of the old and leave the new: hence only after a synced write, with nothing in between.
   */
  async #flush(): Promise<void> {
    this.#bytesInLog = 0;
    // No key is there: nothing but the memory is compacted.
    await this.#level.compactRange('\x7f', '\x7f');
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

  async close(): Promise<void> {
    await this.#last.catch(() => {});
    await this.#level.close();
  }
}

function readError(directory: string, error: unknown): BarnError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_CORRUPTION')
    return new BarnError('Corrupt', `read the store in ${directory}: LevelDB finds it damaged; ${remedy}`, {
      cause: error,
    });
  return storageFault(`read the store in ${directory}`, cause);
}

function openError(directory: string, error: unknown): BarnError {
  if (error instanceof BarnError) return error;
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
      return new BarnError('Corrupt', `open the store in ${directory}: LevelDB finds it damaged; ${remedy}`, {
        cause: error,
      });
    default:
      return storageFault(`open the store in ${directory}`, cause);
  }
}
