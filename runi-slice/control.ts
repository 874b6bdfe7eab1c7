// The slice's side of the control socket.
import { connect, type Socket } from 'node:net';
import type { RunningCounters } from './counters.ts';
import {
  agentFrameBytesMax,
  encodeCounters,
  encodeFrame,
  encodeResult,
  FrameError,
  FrameReader,
  frameType,
  type SliceResult,
  type SliceSpec,
} from './protocol/index.ts';

/** A connection on which the agent has said what to do. */
export interface Control {
  readonly spec: SliceSpec;
  /** Sends counters; call it at most four times a second. */
  count(counters: RunningCounters): void;
  /** Sends the result and resolves when the agent's end has it or is gone. */
  finish(result: SliceResult): Promise<void>;
}

/** Connects and waits for the spec. `cancel` is called when the agent wants the slice to end, or is gone. */
export function connectControl(path: string, cancel: (why: string) => void): Promise<Control> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const frames = new FrameReader(agentFrameBytesMax);
    let started = false;
    let finishing = false;
    const gone = (why: string): void => {
      if (finishing) return;
      if (started) cancel(why);
      else reject(new Error(`control socket ${path}: ${why}`));
    };
    socket.on('error', (cause) => gone(cause.message));
    socket.on('close', () => gone('the agent closed the control connection'));
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const frame of frames.push(chunk)) {
          if (frame.type === frameType.cancel) cancel('the slice was cancelled');
          if (frame.type !== frameType.spec || started) continue;
          started = true;
          const spec = parseSpec(frame.payload);
          socket.write(encodeFrame(frameType.hello, Buffer.alloc(0)));
          resolve({
            spec,
            count: (counters) => void socket.write(encodeFrame(frameType.counters, encodeCounters(counters))),
            finish(result) {
              finishing = true;
              return lastWords(socket, result);
            },
          });
        }
      } catch (cause) {
        started = false;
        gone(cause instanceof Error ? cause.message : String(cause));
        socket.destroy();
      }
    });
  });
}

function lastWords(socket: Socket, result: SliceResult): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve();
    socket.once('close', () => resolve());
    socket.end(encodeFrame(frameType.result, encodeResult(result)), () => resolve());
  });
}

// The agent made the document from the Run's plan, which the pipeline controller checked; here only its outline is.
function parseSpec(payload: Buffer): SliceSpec {
  const value: unknown = JSON.parse(payload.toString('utf8'));
  if (typeof value !== 'object' || value === null) throw new FrameError('the spec is not an object');
  for (const field of ['use', 'with', 'inputs', 'outputs', 'parameters', 'recordBytesMax', 'memoryBytesMax'])
    if (!Object.hasOwn(value, field)) throw new FrameError(`the spec has no ${field}`);
  return value as SliceSpec;
}
