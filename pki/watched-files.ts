import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock, Log, Timer } from '../base/index.ts';

/** Files that are changed together (a certificate, then its key) are looked at once, so long after the first. */
const settleMs = 300;
/** Where a folder is not there, or cannot be watched, it is tried again so often. */
const againMs = 2_000;

/** What is watched until it is closed. */
export interface WatchedFiles {
  close(): void;
}

/**
 * Calls `onChange` a moment after something changed in the folders of these files, which may be about others: the caller looks at
 * what they hold. The folders are watched, not the files, since those are replaced by a rename or lie behind links that are.
 */
export function watchFiles(
  paths: readonly string[],
  options: { readonly clock: Clock; readonly log: Log; readonly onChange: () => void },
): WatchedFiles {
  const { clock, log, onChange } = options;
  let watchers: FSWatcher[] = [];
  const missing = new Set<string>();
  let timer: Timer | undefined;
  let isClosed = false;

  function open(): void {
    for (const watcher of watchers) watcher.close();
    watchers = [];
    for (const folder of new Set(paths.map((path) => dirname(path)))) {
      try {
        const watcher = watch(folder, { persistent: false }, () => changed(settleMs));
        watcher.on('error', (error) => lost(folder, error));
        watchers.push(watcher);
        if (missing.delete(folder)) log.info('folder of certificates watched again', { folder });
      } catch (error) {
        lost(folder, error);
      }
    }
  }
  function changed(lookMs: number): void {
    if (isClosed || timer !== undefined) return;
    timer = clock.after(lookMs, settled, { unref: true });
  }
  function settled(): void {
    timer = undefined;
    // A folder that was replaced is another one under the same name.
    open();
    onChange();
  }
  function lost(folder: string, error: unknown): void {
    if (!missing.has(folder)) log.error('folder of certificates cannot be watched', { folder, error: String(error) });
    missing.add(folder);
    changed(againMs);
  }

  open();
  return {
    close() {
      isClosed = true;
      timer?.cancel();
      for (const watcher of watchers) watcher.close();
    },
  };
}
