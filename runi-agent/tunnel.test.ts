import { expect } from 'chai';
import { ManualClock } from '../base/index.ts';
import type { LogQuery } from './exchange/requests.ts';
import { ProgressBoard } from './progress.ts';
import type { AnswerStream } from './streams.ts';
import { answerServer } from './tunnel.ts';

const counters = (recordsIn: number) => ({ recordsIn, recordsOut: 0, recordsRejected: 0, bytesIn: 0, bytesOut: 0 });

describe('runi-agent: tunnel', () => {
  let clock: ManualClock;
  let board: ProgressBoard;
  let said: string;
  let asked: LogQuery[];
  let stream: AnswerStream;
  beforeEach(() => {
    clock = new ManualClock();
    board = new ProgressBoard();
    said = '';
    asked = [];
    stream = {
      signal: new AbortController().signal,
      write: (bytes) => {
        said += Buffer.from(bytes).toString();
        return Promise.resolve();
      },
    };
  });
  const answer = (request: unknown) =>
    answerServer({
      progress: board,
      clock,
      readLog: async function* (query) {
        asked.push(query);
        yield Buffer.from('a line\n');
      },
    })(request, stream);
  const settle = () => new Promise((resolve) => setTimeout(resolve, 5));
  const set = (recordsIn: number) =>
    board.set('uid', { step: 's', attempt: 1, slice: 'r-s-1', counters: counters(recordsIn) });

  it('passes log bytes on', async () => {
    await answer({ do: 'log', namespace: 'h', run: 'r', runUID: 'u', step: 's', tailLines: 3 });
    expect(said).to.equal('a line\n');
    expect(asked).to.deep.equal([{ runUID: 'u', step: 's', follow: false, tailLines: 3 }]);
  });

  it('tells progress four times a second at most, the last word too, and ends with the run', async () => {
    board.begin('uid', 'run-1');
    set(1);
    const done = answer({ do: 'progress', runUID: 'run-1' });
    await settle();
    for (let count = 2; count <= 9; count++) set(count);
    await settle();
    const numbers = () => [...said.matchAll(/"recordsIn":(\d+)/g)].map((match) => Number(match[1]));
    expect(numbers()).to.deep.equal([1]);
    clock.advance(250);
    await settle();
    expect(numbers()).to.deep.equal([1, 9]);
    set(10);
    board.end('uid');
    clock.advance(250);
    await settle();
    clock.advance(250);
    await done;
    expect(numbers()).to.deep.equal([1, 9, 10]);
  });

  it('ends at once for a run that has no slice here', async () => {
    await answer({ do: 'progress', runUID: 'none' });
    expect(said).to.equal('');
  });

  it('refuses what it does not know', async () => {
    try {
      await answer({ do: 'reboot' });
      expect.fail('not refused');
    } catch (error) {
      expect(error).to.include({ reason: 'BadRequest' });
    }
  });
});
