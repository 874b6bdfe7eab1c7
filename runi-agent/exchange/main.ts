// runi-exchange --agent-fd N --directory DIR [--logs DIR]: takes the logs of slots and gives them to the agent. It reads what
// slices write, so it is a process of its own, with a user of its own when the helper starts it. Ends with the agent.
import { mkdirSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock, systemLog } from '../../base/index.ts';
import { serveStreams } from '../streams.ts';
import { answerAgent } from './exchange.ts';
import { LogStore } from './log-store.ts';
import { SlotLogs } from './slot-logs.ts';

const { values } = parseArgs({
  options: { 'agent-fd': { type: 'string' }, directory: { type: 'string' }, logs: { type: 'string' } },
});
const { directory, logs } = values;
const agentFd = Number(values['agent-fd']);
if (directory === undefined || !Number.isSafeInteger(agentFd) || agentFd < 0) {
  process.stderr.write('usage: runi-exchange --agent-fd N --directory DIR [--logs DIR]\n');
  process.exit(2);
}
process.umask(0o022);
mkdirSync(directory, { recursive: true, mode: 0o755 });
const clock = systemClock;
const log = systemLog('runi-exchange');
const store = new LogStore(logs ?? join(directory, '.logs'));
const slots = new SlotLogs({ directory, store, clock, log });
// A terminal's Ctrl-C goes to the whole group: the agent decides when the exchange ends.
process.on('SIGINT', () => {});
await serveStreams(new Socket({ fd: agentFd, readable: true, writable: true }), answerAgent({ slots, store, clock }));
process.exit(0);
