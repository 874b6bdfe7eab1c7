// Answers the agent: opens and closes the logs of slots, and gives their text.
import { ApiError } from '../../apis/index.ts';
import type { Clock } from '../../base/index.ts';
import type { AnswerRequest, AnswerStream } from '../streams.ts';
import type { LogFiles } from './log-files.ts';
import { Stamps, textsOf } from './log-lines.ts';
import type { LogStore } from './log-store.ts';
import { type LogQuery, parseExchangeRequest } from './requests.ts';
import type { SlotLogs } from './slot-logs.ts';

/** The exchange's answers, for serveStreams. */
export function answerAgent(deps: {
  readonly slots: SlotLogs;
  readonly store: LogStore;
  readonly clock: Clock;
}): AnswerRequest {
  return async (request, stream) => {
    const asked = parseExchangeRequest(request);
    switch (asked.do) {
      case 'open':
        return deps.slots.open(asked.slot, asked);
      case 'close':
        return deps.slots.close(asked.slot);
      case 'log':
        return writeLog(deps.store.find(asked), asked, stream, deps.clock);
    }
  };
}

/** Writes the text of a log, from its tail or its start, and with `follow` until it ends. */
async function writeLog(files: LogFiles, query: LogQuery, stream: AnswerStream, clock: Clock): Promise<void> {
  const since = sinceOf(query, clock);
  const stamps = query.timestamps === true ? new Stamps() : undefined;
  let position = query.tailLines === undefined ? files.start() : files.tail(query.tailLines);
  for (;;) {
    const more = readOn(files, position);
    if (more !== undefined) {
      position = more.next;
      await stream.write(textsOf(more.lines, since, stamps));
      continue;
    }
    if (query.follow !== true || !files.isLive) return;
    await files.changed(stream.signal);
    stream.signal.throwIfAborted();
  }
}

// Both may be given; the later one counts.
function sinceOf({ sinceSeconds, sinceTime }: LogQuery, clock: Clock): string | undefined {
  if (sinceSeconds === undefined) return sinceTime;
  const since = new Date(clock.now() - Math.min(sinceSeconds, 1e9) * 1000).toISOString();
  return sinceTime === undefined || sinceTime < since ? since : sinceTime;
}

function readOn(files: LogFiles, position: Parameters<LogFiles['read']>[0]): ReturnType<LogFiles['read']> {
  try {
    return files.read(position);
  } catch (cause) {
    throw new ApiError('Gone', 'the log was deleted while it was read', undefined, { cause });
  }
}
