import { expect } from 'chai';
import { BarnError, plain, type StoreKeys } from '../../barn/index.ts';
import { type Log, ManualClock, silentLog } from '../../base/index.ts';
import { followKeyFile, namesOf } from './key-follower.ts';

describe('apiserver: a key file that changes', () => {
  const [a, b] = ['a', 'b'].map((id) => ({ id, key: Buffer.alloc(32, id) }));
  if (a === undefined || b === undefined) throw new Error('two keys');

  function following(keys: StoreKeys) {
    const clock = new ManualClock();
    const now: { file: StoreKeys | Error; refusal: BarnError | undefined } = { file: keys, refusal: undefined };
    const taken: (readonly string[])[] = [];
    const said: string[] = [];
    const line = (message: string, fields?: object): void => void said.push(`${message} ${JSON.stringify(fields)}`);
    const log: Log = { ...silentLog, error: line, warn: line };
    const follower = followKeyFile({
      barn: {
        useKeys: async (given) => {
          if (now.refusal !== undefined) throw now.refusal;
          taken.push(namesOf(given));
        },
      },
      read: async () => {
        if (now.file instanceof Error) throw now.file;
        return now.file;
      },
      keys,
      clock,
      log,
    });
    const look = async (): Promise<void> => {
      clock.advance(2_000);
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    };
    return { now, taken, said, follower, look };
  }

  it('is taken when it holds other keys, or the same in another order, and once', async () => {
    const { now, taken, look } = following([a]);
    await look();
    now.file = [a, b];
    await look();
    now.file = [b, a];
    await look();
    await look();
    expect(taken).to.deep.equal([
      ['a', 'b'],
      ['b', 'a'],
    ]);
  });

  it('changes nothing while it cannot be taken, is tried again, and its fault is said once', async () => {
    const { now, taken, said, look } = following([a]);
    now.file = [b];
    now.refusal = new BarnError('Storage', 'the log still needs the key "a"');
    await look();
    await look();
    expect(said).to.have.length(1);
    expect(said[0]).to.contain('the log still needs the key');
    now.file = new Error('it is not JSON');
    await look();
    expect(said).to.have.length(2);
    now.file = [b];
    now.refusal = undefined;
    await look();
    expect(taken).to.deep.equal([['b']]);
  });

  it('is told loudly when it allows what is in the open', async () => {
    const { now, said, look } = following([a]);
    now.file = [a, plain];
    await look();
    now.file = [plain, a];
    await look();
    expect(said.map((line) => line.split(' {')[0])).to.deep.equal([
      'the store also reads what is not encrypted: take "plain" out of the key file once barn status shows it no more',
      'the store is written in the open: "plain" is first in the key file',
    ]);
  });

  it('is not looked at any more once stopped', async () => {
    const { now, taken, follower, look } = following([a]);
    follower.stop();
    now.file = [b, a];
    await look();
    expect(taken).to.deep.equal([]);
  });
});
