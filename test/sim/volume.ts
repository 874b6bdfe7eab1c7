// The disk under a member's log. It survives crashes; what was under way then is lost, kept, cut or kept in part, by sectors
// and for each file on its own, as drives do. A damaged one flips bits, or writes where it was not told to.
import type { WalFile, WalFiles } from '../../barn/wal/files.ts';
import { trailer } from '../../barn/wal/format.ts';
import type { Chance } from './chance.ts';
import { DamageBook, overwrites, type StoredFile, tornAfter } from './damage-book.ts';
import { never, type SimProcess } from './process.ts';
import { SparseBytes } from './sparse-bytes.ts';
import type { World } from './world.ts';

const sectorBytes = 512;
/** A created file whose directory was not synced is gone after a crash, once in so many. */
const lostName = 0.3;

/** What a disk does wrong, until it is told otherwise. */
export interface DiskFaults {
  /** How much longer everything takes. */
  slowness: number;
  /** Bytes that still fit; then writes fail. */
  freeBytes: number;
  /** The next write fails, and nobody knows how much of it is there. */
  failNext: boolean;
  /** The next write that is followed by another lands elsewhere, and says it did well. */
  misdirectNext: boolean;
}

/** What takes its time beside writes. */
type Work = 'list' | 'open' | 'read' | 'size' | 'close' | 'rename' | 'remove';

interface PendingWrite {
  readonly file: StoredFile;
  readonly buffers: readonly Uint8Array[];
  readonly position: number;
  /** So many bytes are there if the member dies now; undefined: chance says. */
  keptBytes?: number | undefined;
}

/** One volume, attached to one life of a member at a time. */
export class SimVolume {
  readonly faults: DiskFaults = {
    slowness: 1,
    freeBytes: Number.POSITIVE_INFINITY,
    failNext: false,
    misdirectNext: false,
  };
  readonly #chance: Chance;
  readonly #world: Pick<World, 'count' | 'trace' | 'violations'>;
  readonly #files = new Map<string, StoredFile>();
  readonly #pending = new Set<PendingWrite>();
  /** A write that landed elsewhere and that nothing followed yet: its loss could not be told from a write that never was. */
  #strayed: PendingWrite | undefined;
  readonly #damage = new DamageBook();

  constructor(chance: Chance, world: Pick<World, 'count' | 'trace' | 'violations'>) {
    this.#chance = chance;
    this.#world = world;
  }

  /** The files as one life of the member sees them; when it dies, what is under way is decided. */
  attach(process: SimProcess): WalFiles {
    process.onDeath(() => this.#settlePending());
    this.#damage.lifeBegins();
    const took = async (what: Work, meanMs: number): Promise<boolean> => {
      if (!process.passes(`wal.${what}.before`)) return false;
      await process.loop.delay(
        0.02 + this.#chance.around(meanMs * this.faults.slowness),
        `${process.name} wal ${what}`,
        process,
      );
      return process.passes(`wal.${what}.middle`);
    };
    const named = async (what: 'rename' | 'remove', change: () => void): Promise<void> => {
      if (!(await took(what, 0.3))) return never();
      change();
      for (const file of this.#files.values()) file.isNameDurable = true;
      if (!process.passes(`wal.${what}.after`)) return never();
    };
    return {
      list: async () => ((await took('list', 0.05)) ? [...this.#files.keys()].sort() : never()),
      open: async (name, { create }) => {
        if (!(await took('open', 0.05))) return never();
        let file = this.#files.get(name);
        if (file === undefined && !create) throw new Error(`ENOENT: no such file, open '${name}'`);
        file ??= { name, bytes: new SparseBytes(), isNameDurable: false, lastWrite: undefined, torn: undefined };
        this.#files.set(name, file);
        return process.passes('wal.open.after') ? this.#opened(process, file, took) : never();
      },
      rename: (from, to) =>
        named('rename', () => {
          const file = this.#files.get(from);
          if (file === undefined) throw new Error(`ENOENT: no such file, rename '${from}' -> '${to}'`);
          this.#files.delete(from);
          this.#files.set(to, file);
          file.name = to;
        }),
      freeBytes: async () => this.faults.freeBytes,
      remove: (name) =>
        named('remove', () => {
          if (!this.#files.delete(name)) throw new Error(`ENOENT: no such file, unlink '${name}'`);
        }),
    };
  }

  /** Flips a bit of what was written and is not the newest write, mostly one that is not zero. */
  flipBit(): void {
    const written = [...this.#files.values()].filter((file) => (file.lastWrite?.position ?? 0) > 0);
    if (written.length === 0) return;
    const file = this.#chance.pick(written);
    const anywhere = (): number => this.#chance.between(0, (file.lastWrite?.position ?? 1) - 1);
    let position = anywhere();
    for (let tries = 0; tries < 10 && file.bytes.read(position, 1)[0] === 0; tries++) position = anywhere();
    const what = `a bit was flipped in ${file.name} at ${position}`;
    this.#world.trace(what);
    this.#world.count('bit flipped');
    this.#damage.add({ what, file, position, should: file.bytes.read(position, 1) });
    file.bytes.flip(position, this.#chance.between(0, 7));
  }

  /** Whether nothing on it is damaged, or about to be. */
  get isWhole(): boolean {
    return !this.faults.misdirectNext && this.#damage.isWhole(this.#files);
  }

  /** Damage from before this life that the log should have refused. */
  get unnoticed(): string | undefined {
    return this.#damage.unnoticed(this.#files);
  }

  /** A new disk in the place of the old one. */
  wipe(): void {
    this.#files.clear();
    this.#pending.clear();
    this.#strayed = undefined;
    this.#damage.clear();
  }

  get isEmpty(): boolean {
    return this.#files.size === 0;
  }

  #opened(process: SimProcess, file: StoredFile, took: (what: Work, meanMs: number) => Promise<boolean>): WalFile {
    return {
      write: async (buffers, position) => {
        // Owned: the caller may use its buffers again only after the write, but a torn one looks at them later.
        const pending: PendingWrite = { file, buffers: buffers.map((buffer) => new Uint8Array(buffer)), position };
        if (!process.passes('wal.write.before')) return never();
        this.#pending.add(pending);
        await process.loop.delay(
          0.05 + this.#chance.around(this.faults.slowness),
          `${process.name} wal write`,
          process,
        );
        pending.keptBytes = bytesWithoutEnd(pending);
        if (pending.keptBytes !== undefined && !process.passes('wal.write.unended')) return never();
        pending.keptBytes = undefined;
        if (!process.passes('wal.write.middle')) return never();
        this.#pending.delete(pending);
        this.#write(pending);
        if (!process.passes('wal.write.after')) return never();
      },
      read: async (position, length) => ((await took('read', 0.05)) ? file.bytes.read(position, length) : never()),
      size: async () => ((await took('size', 0.02)) ? file.bytes.length : never()),
      close: async () => ((await took('close', 0.02)) ? undefined : never()),
    };
  }

  #write({ file, buffers, position }: PendingWrite): void {
    const { name } = file;
    const bytes = Buffer.concat(buffers);
    const overwritten = overwrites(file, bytes, position);
    if (overwritten !== undefined) this.#world.violations.add('durable log stays', overwritten);
    const grown = Math.max(0, position + bytes.byteLength - file.bytes.length);
    if (this.faults.failNext || grown > this.faults.freeBytes) {
      const isFull = !this.faults.failNext;
      this.faults.failNext = false;
      this.#world.count(isFull ? 'disk full' : 'write failed');
      this.#writePart(file, bytes, position);
      throw new Error(
        isFull ? `ENOSPC: no space left on device, write '${name}'` : `EIO: i/o error, fdatasync '${name}'`,
      );
    }
    this.faults.freeBytes -= grown;
    if (
      this.faults.misdirectNext &&
      (file.lastWrite?.position ?? 0) > sectorBytes &&
      bytes.byteLength < file.bytes.length / 4
    ) {
      this.faults.misdirectNext = false;
      const wrong = Math.floor(this.#chance.between(0, file.lastWrite?.position ?? 0) / sectorBytes) * sectorBytes;
      const what = `a write to ${name} at ${position} landed at ${wrong}`;
      this.#world.trace(what);
      this.#world.count('write misdirected');
      this.#damage.add({ what, file, position: wrong, should: file.bytes.read(wrong, bytes.byteLength) });
      this.#damage.add({ what, file, position, should: bytes });
      file.bytes.write(bytes, wrong);
      this.#strayed = { file, buffers, position };
    } else {
      if (this.#strayed?.file === file) this.#strayed = undefined;
      file.bytes.write(bytes, position);
    }
    file.torn = tornAfter(file, position, bytes.byteLength);
    file.lastWrite = { position, length: bytes.byteLength };
  }

  /** The member died: each write under way is there wholly, not at all, up to a sector, or in some sectors only. */
  #settlePending(): void {
    for (const { file, buffers, position, keptBytes } of this.#pending)
      this.#writePart(file, Buffer.concat(buffers), position, keptBytes);
    this.#pending.clear();
    const { file: strayedFile, buffers, position } = this.#strayed ?? {};
    this.#strayed = undefined;
    if (buffers !== undefined && position !== undefined) strayedFile?.bytes.write(Buffer.concat(buffers), position);
    for (const [name, file] of this.#files)
      if (!file.isNameDurable) {
        if (this.#chance.happens(lostName)) {
          this.#world.count('name lost');
          this.#files.delete(name);
        } else file.isNameDurable = true;
      }
  }

  #writePart(file: StoredFile, bytes: Uint8Array, position: number, keptBytes?: number): void {
    const parts = sectorsOf(bytes.subarray(0, keptBytes), position);
    const outcome = keptBytes === undefined ? this.#chance.pick(['none', 'all', 'prefix', 'some']) : 'all';
    const length = outcome === 'all' ? parts.length : outcome === 'prefix' ? this.#chance.between(0, parts.length) : 0;
    const kept = parts.filter((_, index) => index < length || (outcome === 'some' && this.#chance.happens(0.5)));
    for (const part of kept) file.bytes.write(part.bytes, part.position);
    if (kept.length === 0) this.#world.count('write lost');
    else if (kept.length < parts.length || keptBytes !== undefined) this.#world.count('write torn');
    file.torn = { from: position, to: position + bytes.byteLength };
  }
}

/** How much of a write is before its last sector, where nothing but the end mark of a record is in that one. */
function bytesWithoutEnd({ buffers, position }: PendingWrite): number | undefined {
  const bytes = Buffer.concat(buffers);
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
  const beyond = (position + end) % sectorBytes;
  return beyond > 0 && beyond <= trailer.length && end > beyond ? end - beyond : undefined;
}

function sectorsOf(bytes: Uint8Array, position: number): { readonly bytes: Uint8Array; readonly position: number }[] {
  const parts = [];
  for (let done = 0; done < bytes.byteLength; ) {
    const at = position + done;
    const part = bytes.subarray(done, done + sectorBytes - (at % sectorBytes));
    parts.push({ bytes: part, position: at });
    done += part.byteLength;
  }
  return parts;
}
