// A program inside the slice: the step's records on its stdin, its stdout as the step's records.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { RunningCounters } from '../counters.ts';
import type { Batch, Source } from '../flow/batch.ts';
import { StreamReader } from '../flow/byte-reader.ts';
import { Emitter } from '../flow/emitter.ts';
import { windowBytes } from '../flow/window.ts';
import { PipeOutput } from '../sinks/edge-output.ts';
import { codeOf, messageOf, SliceError } from '../slice-error.ts';
import { LineSource } from '../sources/lines.ts';
import { syntaxCheck } from '../sources/record-check.ts';
import { pump, type StepContext } from './step.ts';

type Program = ChildProcessByStdio<Writable, Readable, Readable>;

/** How much of the program's last line on stderr a failure quotes. */
const lastLineMax = 500;

/**
 * Runs the program to its end. It need not read all its input; its exit code alone tells whether it succeeded. What it
 * prints must be NDJSON (a line that is not becomes a dead letter), unless all sinks are text: then bytes go as they come.
 */
export async function runExec(context: StepContext, source: Source, command: readonly string[]): Promise<void> {
  const [file = '', ...args] = command;
  const program: Program = spawn(file, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    signal: context.signal,
    killSignal: 'SIGKILL',
  });
  const lastLine = followStderr(program);
  const exited = exitOf(program, file);
  try {
    await Promise.all([
      exited.then((failure) => {
        if (failure !== undefined) throw new SliceError('StepFailed', `${file} ${failure}${quoted(lastLine())}`);
      }),
      feed(context, source, program),
      rawText(context) ? passBytes(context, program) : passRecords(context, program),
    ]);
  } catch (cause) {
    program.kill('SIGKILL');
    // A failing program breaks its pipes first; its exit says more than they do.
    const failure = await exited;
    if (cause instanceof SliceError && cause.reason === 'DownstreamFailed') throw cause;
    if (
      failure !== undefined &&
      !failure.includes('SIGKILL') &&
      !(cause instanceof SliceError && cause.reason === 'StepFailed')
    )
      throw new SliceError('StepFailed', `${file} ${failure}${quoted(lastLine())}`, { cause });
    throw cause;
  }
}

/** Whether the program's output is passed on as bytes. */
export function rawText(context: Pick<StepContext, 'spec'>): boolean {
  return (
    context.spec.outputs.length > 0 &&
    context.spec.outputs.every((output) => output.kind === 'file' && output.format === 'text')
  );
}

async function feed(context: StepContext, source: Source, program: Program): Promise<void> {
  const stdin = new Emitter([new PipeOutput(program.stdin, false, 'stdin')], new RunningCounters());
  await pump(source, { process: (batch: Batch) => stdin.batch(batch) }, { ...context, emitter: stdin });
  await stdin.finish();
}

async function passRecords(context: StepContext, program: Program): Promise<void> {
  const { letters, spec } = context;
  // What the program prints is no input of the step: its records are not counted as such.
  const printed = new LineSource(
    new StreamReader(program.stdout),
    { name: spec.step, source: `stdout of ${spec.step}` },
    { counters: new RunningCounters(), letters, recordBytesMax: spec.recordBytesMax },
    syntaxCheck(letters),
  );
  await pump(printed, { process: (batch: Batch) => context.emitter.batch(batch) }, context);
}

async function passBytes(context: StepContext, program: Program): Promise<void> {
  const reader = new StreamReader(program.stdout);
  const buffer = Buffer.allocUnsafe(windowBytes);
  for (let read = await reader.read(buffer, 0); read > 0; read = await reader.read(buffer, 0)) {
    let lines = 0;
    for (let at = buffer.indexOf(0x0a); at !== -1 && at < read; at = buffer.indexOf(0x0a, at + 1)) lines++;
    context.emitter.raw(buffer, 0, read, lines);
    await context.emitter.room();
  }
}

/** Passes stderr on; the function returned gives its last line that is not blank. */
function followStderr(program: Program): () => string {
  let last = '';
  let open = '';
  program.stderr.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk);
    const lines = (open + chunk.toString('utf8')).split('\n');
    open = (lines.pop() ?? '').slice(0, lastLineMax);
    last = lines.findLast((line) => line.trim() !== '')?.slice(0, lastLineMax) ?? last;
  });
  return () => (open.trim() !== '' ? open : last).trim();
}

/** What went wrong with the program, undefined when nothing did; resolves when it is gone and its pipes are closed. */
function exitOf(program: Program, file: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    program.on('error', (cause) => {
      if (cause.name === 'AbortError') return;
      const missing = codeOf(cause) === 'ENOENT';
      reject(
        new SliceError(
          'StepFailed',
          missing ? `${file} does not exist in the slice` : `start ${file}: ${messageOf(cause)}`,
          { cause },
        ),
      );
    });
    program.on('close', (code, signal) => {
      if (code === 0) resolve(undefined);
      else resolve(signal === null ? `exited with code ${code}` : `was ended by ${signal}`);
    });
  });
}

function quoted(line: string): string {
  return line === '' ? '' : `: ${line}`;
}
