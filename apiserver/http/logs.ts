// Logs and progress: asked of the agents over their streams, passed on unparsed.
import type { ServerResponse } from 'node:http';
import { ApiError, isApiError, kinds, type TunnelRequest, type Unstructured } from '../../apis/index.ts';
import { arrayOf, at, isRecord, textOf } from '../json.ts';
import { type Registry, readTarget, type Target } from '../registry/registry.ts';
import { isTerminal } from '../registry/strategy.ts';
import { watch } from '../registry/watch.ts';
import type { Tunnels } from '../tunnel/tunnels.ts';
import { isTrue } from './request-info.ts';

/** One request for a log, authorised. */
export interface LogCall {
  readonly registry: Registry;
  readonly tunnels: Tunnels;
  readonly target: Target;
  readonly query: URLSearchParams;
  readonly response: ServerResponse;
}

/** Answers `slices/NAME/log` and `runs/NAME/log` as text. Errors: BadRequest, NotFound, ServiceUnavailable. */
export async function serveLog(call: LogCall, abort: AbortController): Promise<void> {
  const stored = await readTarget(call.registry, call.target);
  const place = call.target.info === kinds.slices ? placeOfSlice(stored.object) : placeInRun(call, stored.object);
  const namespace = call.target.namespace ?? '';
  const request: TunnelRequest = { do: 'log', namespace, ...place.of, ...logOptions(call.query) };
  await passLog(call, request, place.nodes, abort);
}

interface Place {
  readonly of: { readonly run: string; readonly runUID: string; readonly step: string; readonly attempt?: number };
  /** Where the log may be, the likeliest first. */
  readonly nodes: readonly string[];
}

function placeOfSlice(slice: Unstructured): Place {
  const node = textOf(at(slice, 'spec.nodeName'));
  if (node === undefined) {
    throw new ApiError('BadRequest', `slice "${slice.metadata.name ?? ''}" has no log yet: it is not bound to a node`);
  }
  const attempt = at(slice, 'spec.attempt');
  return {
    of: {
      run: textOf(at(slice, 'spec.run')) ?? '',
      runUID: textOf(at(slice, 'spec.runUID')) ?? '',
      step: textOf(at(slice, 'spec.step')) ?? '',
      ...(typeof attempt === 'number' ? { attempt } : {}),
    },
    nodes: [node],
  };
}

// A run's status names the node of each step's newest attempt; an older one may have run elsewhere.
function placeInRun(call: LogCall, run: Unstructured): Place {
  const name = run.metadata.name ?? '';
  const planned = arrayOf(at(run, 'spec.plan.steps')).flatMap((step) =>
    isRecord(step) && typeof step.name === 'string' ? [step.name] : [],
  );
  const step = call.query.get('step') ?? (planned.length === 1 ? planned[0] : undefined) ?? '';
  if (!planned.includes(step)) {
    const what = step === '' ? 'the parameter step is missing' : `run "${name}" has no step "${step}"`;
    throw new ApiError('BadRequest', `${what}; its steps are ${planned.join(', ')}`);
  }
  const attempt = wholeNumber(call.query, 'attempt');
  const status = arrayOf(at(run, 'status.steps')).find((item) => isRecord(item) && item.name === step);
  const newest = isRecord(status) ? textOf(status.node) : undefined;
  const nodes = new Set(newest === undefined ? [] : [newest]);
  for (const node of call.tunnels.nodes()) nodes.add(node);
  return {
    of: { run: name, runUID: run.metadata.uid ?? '', step, ...(attempt === undefined ? {} : { attempt }) },
    nodes: [...nodes],
  };
}

/** Which part of a log, and how; for the agent. Errors: BadRequest. */
function logOptions(query: URLSearchParams) {
  const tailLines = wholeNumber(query, 'tailLines');
  const sinceSeconds = wholeNumber(query, 'sinceSeconds');
  return {
    ...(isTrue(query.get('follow')) ? { follow: true } : {}),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
  };
}

/**
 * Passes on what the first of `nodes` that has the log says, at most `bytesMax` of it. Errors: those of the nodes, NotFound
 * before others.
 */
export async function passLog(
  call: LogCall,
  request: TunnelRequest,
  nodes: readonly string[],
  abort: AbortController,
  bytesMax = Number.POSITIVE_INFINITY,
): Promise<void> {
  const { response } = call;
  response.on('close', () => abort.abort());
  let failure: unknown = new ApiError('ServiceUnavailable', 'no node is connected that could have the log');
  for (const node of nodes) {
    try {
      let left = bytesMax;
      for await (const chunk of call.tunnels.of(node).ask(request, abort.signal)) {
        begin(response, 'text/plain; charset=utf-8');
        await write(response, chunk.subarray(0, left));
        left -= chunk.length;
        if (left <= 0) break;
      }
      begin(response, 'text/plain; charset=utf-8');
      response.end();
      return;
    } catch (error) {
      if (response.headersSent || !isApiError(error, 'NotFound', 'ServiceUnavailable')) throw error;
      // A node that knows nothing of it says more than one that is away.
      if (!isApiError(failure, 'NotFound')) failure = error;
    }
  }
  throw failure;
}

/** Answers `runs/NAME/progress`: a line of JSON whenever counters of a step change, until the run has ended. */
export async function serveProgress(call: LogCall, abort: AbortController): Promise<void> {
  const { registry, response, target } = call;
  const stored = await readTarget(registry, target);
  const runUID = stored.object.metadata.uid ?? '';
  response.on('close', () => abort.abort());
  begin(response, 'application/x-ndjson');
  response.flushHeaders();
  const asking = new Set<string>();
  const follow = async (node: string): Promise<void> => {
    if (asking.has(node)) return;
    asking.add(node);
    try {
      for await (const chunk of call.tunnels.of(node).ask({ do: 'progress', runUID }, abort.signal)) {
        await write(response, chunk);
      }
    } catch (error) {
      // A node that is away has no progress to tell; the run's status goes on saying what became of it.
      if (!isApiError(error) && !abort.signal.aborted) throw error;
    } finally {
      asking.delete(node);
    }
  };
  let fail: (fault: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => (fail = reject));
  try {
    await Promise.race([
      followSlices(call, abort, (node) => void follow(node).catch(fail)),
      untilEnded(call, abort),
      failed,
    ]);
  } finally {
    abort.abort();
    response.end();
  }
}

async function followSlices(call: LogCall, abort: AbortController, onNode: (node: string) => void): Promise<void> {
  const { registry, target } = call;
  const slices: Target = {
    info: kinds.slices,
    ...(target.namespace === undefined ? {} : { namespace: target.namespace }),
  };
  const fields = [{ field: 'spec.run', op: '=' as const, value: target.name ?? '' }];
  const options = { labels: undefined, fields, after: undefined, signal: abort.signal };
  for await (const change of watch(registry, slices, options)) {
    if (change.type !== 'ADDED' && change.type !== 'MODIFIED') continue;
    const slice = change.stored.object;
    const node = textOf(at(slice, 'spec.nodeName'));
    if (node !== undefined && !isTerminal(slice)) onNode(node);
  }
}

const ended = new Set(['Succeeded', 'Failed', 'Cancelled']);

async function untilEnded(call: LogCall, abort: AbortController): Promise<void> {
  const fields = [{ field: 'metadata.name', op: '=' as const, value: call.target.name ?? '' }];
  const options = { labels: undefined, fields, after: undefined, signal: abort.signal };
  for await (const change of watch(call.registry, call.target, options)) {
    if (change.type === 'DELETED') return;
    if (change.type !== 'ADDED' && change.type !== 'MODIFIED') continue;
    if (ended.has(textOf(at(change.stored.object, 'status.phase')) ?? '')) return;
  }
}

function begin(response: ServerResponse, type: string): void {
  if (!response.headersSent) response.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache, private' });
}

// Waits until the client has taken it: the agent's window stays closed so long.
async function write(response: ServerResponse, chunk: Uint8Array): Promise<void> {
  if (response.destroyed || response.write(chunk)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new ApiError('BadRequest', `${name}: Invalid value: "${text}": it must be a whole number`);
}
