import { Duplex } from 'node:stream';
import { expect } from 'chai';
import { ApiError } from '../apis/index.ts';
import { StreamClient, serveStreams } from './streams.ts';

/** Two ends of one connection. */
function pair(): [Duplex, Duplex] {
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        other().push(chunk);
        done();
      },
      destroy(error, done) {
        if (!other().destroyed) other().push(null);
        done(error);
      },
    });
  const a: Duplex = make(() => b);
  const b: Duplex = make(() => a);
  return [a, b];
}

describe('runi-agent: streams', () => {
  it('answers several requests at once, each under its own window', async () => {
    const [here, there] = pair();
    let held = 0;
    void serveStreams(there, async (request, stream) => {
      if (request === 'short') return stream.write(Buffer.from('hello'));
      for (let sent = 0; sent < 1024 * 1024; sent += 100_000) {
        await stream.write(Buffer.alloc(100_000));
        held = sent;
      }
    });
    const client = new StreamClient(here);
    const slow = client.ask('long');
    await slow.next();
    expect((await client.call('short')).toString()).to.equal('hello');
    expect(held).to.be.lessThan(300_000);
    let bytes = 0;
    for await (const chunk of slow) bytes += chunk.length;
    expect(bytes).to.be.greaterThan(900_000);
    here.destroy();
  });

  it('carries errors with their reason', async () => {
    const [here, there] = pair();
    void serveStreams(there, () => Promise.reject(new ApiError('NotFound', 'no such log')));
    try {
      await new StreamClient(here).call({});
      expect.fail('no error');
    } catch (error) {
      expect(error).to.be.instanceOf(ApiError).and.include({ reason: 'NotFound', message: 'no such log' });
    }
    here.destroy();
  });

  it('tells the answering end when the asker stops, and the asker when the connection ends', async () => {
    const [here, there] = pair();
    const stopped = new Promise<void>((resolve) => {
      void serveStreams(there, (request, stream) => {
        void stream.write(Buffer.from('x'));
        return new Promise((_, reject) => {
          stream.signal.addEventListener('abort', () => {
            if (request === 'first') resolve();
            reject(stream.signal.reason as Error);
          });
        });
      });
    });
    const client = new StreamClient(here);
    for await (const _ of client.ask('first')) break;
    await stopped;
    const second = client.ask('second');
    await second.next();
    there.destroy();
    try {
      await second.next();
      expect.fail('no error');
    } catch (error) {
      expect(error).to.include({ reason: 'ServiceUnavailable' });
    }
    await client.closed;
  });
});
