import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ManualClock } from '../base/index.ts';
import {
  agentFrameBytesMax,
  encodeCounters,
  encodeFrame,
  encodeResult,
  FrameReader,
  frameType,
  type SliceSpec,
} from '../runi-slice/protocol/index.ts';
import { ControlServer } from './control.ts';

const counters = { recordsIn: 3, recordsOut: 2, recordsRejected: 1, bytesIn: 30, bytesOut: 20 };
const spec: SliceSpec = {
  herd: 'h',
  pipeline: 'p',
  run: 'r',
  step: 's',
  slice: 'r-s-1',
  attempt: 1,
  use: 'filter',
  with: {},
  inputs: [],
  outputs: [],
  parameters: {},
  secrets: '/run/secrets',
  memoryBytesMax: 1,
  recordBytesMax: 1,
};

describe('runi-agent: control', () => {
  let top: string;
  let control: ControlServer;
  let seen: unknown[];
  const path = (): string => join(top, 'slot', 'control.sock');
  beforeEach(async () => {
    top = mkdtempSync(join(tmpdir(), 'control-'));
    seen = [];
    const note = (name: string) => (value: unknown) => void seen.push([name, value]);
    const events = { counters: note('counters'), result: note('result'), violation: note('violation') };
    control = await ControlServer.open(join(top, 'slot'), spec, events, new ManualClock());
  });
  afterEach(async () => {
    await control.close();
    rmSync(top, { recursive: true, force: true });
  });

  async function dial(): Promise<Socket> {
    const socket = connect(path());
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }

  async function say(...frames: readonly Buffer[]): Promise<void> {
    const socket = await dial();
    socket.resume();
    socket.end(Buffer.concat(frames));
    await once(socket, 'close');
    await control.drained();
  }

  it('lets any user connect, gives the spec, and takes counters and one result', async () => {
    expect(statSync(path()).mode & 0o777).to.equal(0o622);
    const socket = await dial();
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    const [frame] = new FrameReader(agentFrameBytesMax).push(chunk);
    expect(JSON.parse(frame?.payload.toString() ?? '')).to.deep.equal(spec);
    const result = { ok: true, reason: '', message: '', counters };
    socket.write(encodeFrame(frameType.hello, Buffer.alloc(0)));
    socket.write(encodeFrame(frameType.counters, encodeCounters(counters)));
    socket.end(encodeFrame(frameType.result, encodeResult(result)));
    await control.drained();
    expect(seen).to.deep.equal([
      ['counters', counters],
      ['result', result],
    ]);
  });

  it('takes one connection', async () => {
    const first = await dial();
    await once(first, 'data');
    expect(existsSync(path())).to.equal(false);
    first.destroy();
  });

  const result = encodeFrame(frameType.result, encodeResult({ ok: true, reason: '', message: '', counters }));
  for (const [title, frames, message] of [
    ['a frame of another version', [Buffer.from([17, 9, 0, 0, 0, 0, 0, 0])], 'control frame of another version'],
    [
      'a frame that is too long',
      [Buffer.from([17, 1, 0, 0, 1, 16, 0, 0])],
      'control frame of 4097 bytes, at most 4096 allowed',
    ],
    ['a frame of an unknown type', [encodeFrame(frameType.spec, Buffer.alloc(0))], 'control frame of unknown type 1'],
    ['counters that are short', [encodeFrame(frameType.counters, Buffer.alloc(3))], 'counters frame is short'],
    ['words after the result', [result, result], 'a control frame came after the result'],
    [
      'a flood',
      Array.from({ length: 300 }, () => encodeFrame(frameType.counters, encodeCounters(counters))),
      'more than 200 control frames within a second',
    ],
  ] as const)
    it(`calls ${title} a violation`, async () => {
      await say(...frames);
      expect(seen.filter((entry) => Array.isArray(entry) && entry[0] === 'violation')).to.deep.equal([
        ['violation', message],
      ]);
    });
});
