import { statfs } from 'node:fs/promises';

/** What an operator does about a full disk, as the end of a message. */
export const diskFullAdvice =
  'the disk is full: make room on it, then start again; nothing that was acknowledged is lost';

const codes: readonly unknown[] = ['ENOSPC', 'EDQUOT'];
// LevelDB passes on the kernel's words without its number.
const words = /no space left on device|disk quota exceeded/i;

/** Whether an error, or one that caused it, says that a disk is full or a quota used up. */
export function isDiskFull(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (('code' in cause && codes.includes(cause.code)) || words.test(cause.message)) return true;
  return false;
}

/** What the file system that holds `path` still has room for, for those who may not touch what is kept for root. */
export async function freeBytesOf(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}
