// User code on this node: each bundle once, checked against its hash and unpacked where the spawner binds it from.
import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LaunchError } from './launch.ts';

/** Unpacked bundles kept for the next slice; the one unused for longest goes first. */
export const bundlesKeptMax = 64;
const bundleBytesMax = 1024 * 1024;
const bundleFilesMax = 1024;
const pathBytesMax = 255;
const pathDepthMax = 16;

/** The bytes of a Bundle as the API gives them. */
export interface BundleContent {
  readonly format: 'module' | 'files';
  readonly bytes: Uint8Array;
}

/** The folder of unpacked bundles. */
export class BundleStore {
  readonly #directory: string;
  // In order of last use.
  readonly #ready = new Map<string, Promise<void>>();
  readonly #users = new Map<string, number>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Takes over what an earlier agent unpacked; half unpacked ones go. */
  static async open(directory: string): Promise<BundleStore> {
    const store = new BundleStore(directory);
    await mkdir(directory, { recursive: true, mode: 0o755 });
    for (const name of await readdir(directory)) {
      if (/^[0-9a-f]{64}$/.test(name)) store.#ready.set(name, Promise.resolve());
      else await rm(join(directory, name), { recursive: true, force: true });
    }
    return store;
  }

  /** Resolves when the bundle lies at DIRECTORY/HASH, with a function to call when it is no longer used. */
  async use(hash: string, fetch: () => Promise<BundleContent>): Promise<() => void> {
    if (!/^[0-9a-f]{64}$/.test(hash)) throw new LaunchError('InvalidBundle', `"${hash}" is not a SHA-256`);
    this.#users.set(hash, (this.#users.get(hash) ?? 0) + 1);
    const release = (): void => {
      const left = (this.#users.get(hash) ?? 1) - 1;
      if (left > 0) this.#users.set(hash, left);
      else this.#users.delete(hash);
    };
    const ready = this.#ready.get(hash) ?? this.#unpack(hash, fetch);
    this.#ready.delete(hash);
    this.#ready.set(hash, ready);
    try {
      await ready;
      await this.#evict();
      return release;
    } catch (cause) {
      this.#ready.delete(hash);
      release();
      throw cause;
    }
  }

  async #unpack(hash: string, fetch: () => Promise<BundleContent>): Promise<void> {
    const content = await fetch();
    if (content.bytes.length > bundleBytesMax)
      throw new LaunchError('InvalidBundle', `bundle ${hash} has more than ${bundleBytesMax} bytes`);
    const found = createHash('sha256').update(content.bytes).digest('hex');
    if (found !== hash) throw new LaunchError('InvalidBundle', `bundle ${hash} holds bytes of hash ${found}`);
    const half = join(this.#directory, `.half-${hash}`);
    await rm(half, { recursive: true, force: true });
    await mkdir(half, { mode: 0o755 });
    for (const file of filesOf(hash, content)) {
      const path = join(half, file.path);
      await mkdir(dirname(path), { recursive: true, mode: 0o755 });
      await writeFile(path, file.bytes, { mode: file.isExecutable ? 0o755 : 0o644, flag: 'wx' });
    }
    await rename(half, join(this.#directory, hash));
  }

  async #evict(): Promise<void> {
    for (const hash of this.#ready.keys()) {
      if (this.#ready.size <= bundlesKeptMax) return;
      if (this.#users.has(hash)) continue;
      this.#ready.delete(hash);
      await rm(join(this.#directory, hash), { recursive: true, force: true });
    }
  }
}

interface BundleFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly isExecutable: boolean;
}

/** The files of a bundle; throws LaunchError for a form or a path that may not be. */
export function filesOf(hash: string, content: BundleContent): readonly BundleFile[] {
  if (content.format === 'module') return [{ path: 'index.mjs', bytes: content.bytes, isExecutable: false }];
  const refuse = (what: string): never => {
    throw new LaunchError('InvalidBundle', `bundle ${hash}: ${what}`);
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(content.bytes).toString('utf8'));
  } catch {
    return refuse('its content is not JSON');
  }
  const files = isObject(parsed) ? parsed['files'] : undefined;
  if (!Array.isArray(files)) return refuse('its content has no list "files"');
  if (files.length > bundleFilesMax) return refuse(`it has more than ${bundleFilesMax} files`);
  const seen = new Set<string>();
  return files.map((file: unknown) => {
    if (!isObject(file)) return refuse('a file is not an object');
    const { path, mode, data } = file;
    if (typeof path !== 'string' || !isSafePath(path)) return refuse(`path ${JSON.stringify(path)} may not be`);
    if (typeof data !== 'string') return refuse(`${path} has no data`);
    if (seen.has(path)) return refuse(`${path} is there twice`);
    seen.add(path);
    const bits = typeof mode === 'string' ? Number.parseInt(mode, 8) : Number(mode ?? 0);
    return { path, bytes: Buffer.from(data, 'base64'), isExecutable: (bits & 0o111) !== 0 };
  });
}

function isSafePath(path: string): boolean {
  const parts = path.split('/');
  return (
    Buffer.byteLength(path) <= pathBytesMax &&
    parts.length <= pathDepthMax &&
    parts.every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('\0'))
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
