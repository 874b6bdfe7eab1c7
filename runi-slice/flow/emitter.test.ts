import { expect } from 'chai';
import { RunningCounters } from '../counters.ts';
import { SliceError } from '../slice-error.ts';
import { Batch } from './batch.ts';
import { type Chunk, chunksMax } from './chunk.ts';
import { Emitter, type Output } from './emitter.ts';

class HeldOutput implements Output {
  readonly held: Chunk[] = [];
  onFailure?: (error: SliceError) => void;
  write(chunk: Chunk): void {
    this.held.push(chunk);
  }
  async finish(): Promise<void> {}
  async abort(): Promise<void> {}
}

function batchOf(text: string): Batch {
  const batch = new Batch({ name: 'in', source: 'x' });
  batch.reset(Buffer.from(text));
  let from = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', from)) {
    batch.add(from, at, from);
    from = at + 1;
  }
  return batch;
}

describe('Emitter', () => {
  it('gives every output every record, whole, once', () => {
    const outputs = [new HeldOutput(), new HeldOutput()];
    const counters = new RunningCounters();
    const emitter = new Emitter(outputs, counters);
    const batch = batchOf('{"a":1}\n{"a":2}\n{"a":3}\n{ }\n');
    batch.retain((index) => index !== 1);
    emitter.batch(batch);
    emitter.record(batch, 0);
    emitter.text('"é"');
    emitter.extended(batch, 1, ',"b":2');
    emitter.flush();
    for (const { held } of outputs)
      expect(held.map((chunk) => chunk.bytes.toString()).join('')).to.equal(
        '{"a":1}\n{"a":3}\n{ }\n{"a":1}\n"é"\n{"a":3,"b":2}\n',
      );
    expect(counters.recordsOut).to.equal(6);
  });

  it('waits for the slowest output, and no longer when one fails', async () => {
    const [slow, failing] = [new HeldOutput(), new HeldOutput()];
    const emitter = new Emitter([slow, failing], new RunningCounters());
    for (let count = 0; count < chunksMax; count++) {
      emitter.text('1');
      emitter.flush();
    }
    for (const chunk of failing.held) chunk.release();
    let waited = true;
    const room = emitter.room().then(() => {
      waited = false;
    });
    await Promise.resolve();
    expect(waited).to.equal(true);
    slow.held[0]?.release();
    await room;
    expect(waited).to.equal(false);

    emitter.text('1');
    const stuck = emitter.room().catch((cause: unknown) => cause);
    failing.onFailure?.(new SliceError('SinkNotWritable', 'disk full'));
    expect(await stuck)
      .to.be.an('error')
      .with.property('message', 'disk full');
  });
});
