// A program that `runictl dev` or a test started must not outlive it, however that one ended: even after kill -9 the kernel
// closes its end of the pipe.
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';

/** Set to 1 by who starts a program with a pipe for stdin that stays open as long as the program is wanted. */
export const exitOnStdinEofVariable = 'RUNINK_EXIT_ON_STDIN_EOF';

/** Calls `onGone` once when stdin ends, if the environment asks for it; what is read is dropped. Keeps no process alive. */
export function watchParent(
  env: Readonly<Record<string, string | undefined>>,
  stdin: Readable,
  onGone: () => void,
): void {
  if (env[exitOnStdinEofVariable] !== '1') return;
  let isGone = false;
  const gone = () => {
    if (isGone) return;
    isGone = true;
    onGone();
  };
  stdin.on('end', gone).on('close', gone).on('error', gone).resume();
  if (stdin instanceof Socket) stdin.unref();
}
