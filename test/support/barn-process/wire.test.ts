import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createMemoryBarn } from '../../../barn/index.ts';
import { RemoteBarn } from './client.ts';
import { serveBarn } from './server.ts';
import { type Frame, FrameReader, frame, kind } from './wire.ts';

describe('test/support: a Barn over a socket', () => {
  it('answers as the Barn does', async () => {
    const barn = createMemoryBarn();
    const path = join(tmpdir(), `runink-wire-${process.pid}.sock`);
    const server = await serveBarn(barn, path);
    const remote = await RemoteBarn.connect(path);
    try {
      expect(await remote.put('a', Buffer.from('1'))).to.equal(1);
      expect((await remote.get('a'))?.modRevision).to.equal(1);
      expect(await remote.get('b')).to.equal(undefined);
      const watch = await remote.watch('a', 'c', 1);
      const put = { do: 'put', key: 'b', value: new Uint8Array([0, 255]) } as const;
      const done = await remote.txn([{ target: 'mod', key: 'a', op: '=', number: 1 }], [put]);
      expect([done.succeeded, done.revision]).to.deep.equal([true, 2]);
      expect(await remote.range('a', 'c')).to.deep.equal(await barn.range('a', 'c'));
      expect((await remote.range('a')).count).to.equal(1);
      const seen = [(await watch.next()).value, (await watch.next()).value];
      expect(seen.map(({ revision }) => revision)).to.deep.equal([1, 2]);
      await watch.return?.();
      const error: unknown = await remote.range('a', undefined, { revision: 9 }).catch((cause: unknown) => cause);
      expect(error).to.include({ reason: 'FutureRevision' });
    } finally {
      await remote.close();
      server.close();
      await barn.close();
      rmSync(path, { force: true });
    }
  });

  it('lists and follows in the bytes that the generator of the benchmarks reads', async () => {
    const barn = createMemoryBarn();
    const server = await serveBarn(barn, 0);
    const address = server.address();
    const socket = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, '127.0.0.1');
    const frames: Frame[] = [];
    const reader = new FrameReader();
    socket.on('data', (chunk: Buffer) => frames.push(...reader.push(chunk)));
    const answer = async (): Promise<Frame> => {
      while (frames.length === 0) await once(socket, 'data');
      return frames.shift() ?? expect.fail('no frame');
    };
    try {
      await once(socket, 'connect');
      socket.write(frame(1, kind.follow, 1, (body) => body.write('a')));
      expect(await answer()).to.include({ request: 1, kind: kind.ok });
      await barn.txn([], [{ do: 'put', key: 'a', value: Buffer.from('12') }]);
      const event = await answer();
      expect([event.kind, event.body.readUInt32LE(0)]).to.deep.equal([kind.event, 1]);
      socket.write(frame(2, kind.list, 4, (body) => body.write('\x01\x00ab', 'latin1')));
      const list = await answer();
      expect([list.request, list.kind, list.body.length]).to.deep.equal([2, kind.ok, 24 + 1 + 2]);
      expect([0, 6, 12].map((at) => list.body.readUIntLE(at, 6))).to.deep.equal([1, 1, 1]);
      expect(list.body.toString('latin1', 24)).to.equal('a12');
    } finally {
      socket.destroy();
      server.close();
      await barn.close();
    }
  });
});
