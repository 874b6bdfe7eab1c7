// The agent of these tests: carries the helper's socket to a socket of the test, which so is the agent. Half-closes are kept.
// Ends when the helper's socket has ended.
import { connect, Socket } from 'node:net';

const path = process.argv[2];
const test = connect({ path: path ?? '', allowHalfOpen: true });
const helper = new Socket({
  fd: Number(process.env.RUNINK_HELPER_FD),
  readable: true,
  writable: true,
  allowHalfOpen: true,
});
test.pipe(helper);
helper.pipe(test);
for (const socket of [test, helper]) socket.on('error', () => process.exit(3));
helper.on('end', () => test.end());
test.on('close', () => process.exit(0));
