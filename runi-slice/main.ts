// runi-slice --control SOCKET: runs one step as the agent says, then exits with 0, or 1 when the step failed.
import { parseArgs } from 'node:util';
import { systemClock } from '../base/index.ts';
import { connectControl } from './control.ts';
import { RunningCounters } from './counters.ts';
import { runSlice } from './run-slice.ts';
import { messageOf, SliceError } from './slice-error.ts';

const countersEveryMs = 250;

const { values } = parseArgs({ options: { control: { type: 'string' } } });
if (values.control === undefined) {
  process.stderr.write('usage: runi-slice --control SOCKET\n');
  process.exit(2);
}
const cancelled = new AbortController();
const control = await connectControl(values.control, (why) => cancelled.abort(new Error(why)));
const counters = new RunningCounters();
let told = '';
const telling = setInterval(() => {
  const now = JSON.stringify(counters);
  if (now !== told) control.count(counters);
  told = now;
}, countersEveryMs);
// User code may leave promises alone; what they fail with is the step's failure all the same.
for (const event of ['uncaughtException', 'unhandledRejection'])
  process.on(event, (cause: unknown) => cancelled.abort(new SliceError('StepFailed', `uncaught: ${messageOf(cause)}`)));
const result = await runSlice(control.spec, { clock: systemClock, signal: cancelled.signal, counters });
clearInterval(telling);
if (!result.ok) process.stderr.write(`${control.spec.step}: ${result.reason}: ${result.message}\n`);
await control.finish(result);
process.exit(result.ok ? 0 : 1);
