import { open } from 'node:fs/promises';

/** Writes to disk which names a folder holds: until then a file that was made or renamed in it may be gone after a power loss. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
