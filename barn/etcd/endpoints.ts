// The members of an etcd that can be asked, over gRPC. One is asked until it fails, then the next.
import { Client, connectivityState, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { type Clock, type Log, present, sleep } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import { faultOf } from './refusals.ts';

/** Certificates in PEM. Without `cert` and `key` the client has no name. */
export interface EtcdTls {
  readonly ca: string | Uint8Array;
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
}

/** What the endpoints need. */
export interface EndpointsOptions {
  /** `http://host:port`, `https://host:port` or `host:port`; at least one. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** A call without an answer after this has failed. */
  readonly requestMs: number;
}

/** Messages out, messages in; a broken one throws to its reader. */
export interface EtcdStream extends AsyncIterable<Buffer> {
  write(message: Buffer): boolean;
  cancel(): void;
}

interface Endpoint {
  readonly url: string;
  readonly client: Client;
}

const connectMsMax = 2_000;
const pauseBetweenRoundsMs = 100;

const channelOptions = {
  // etcd answers a range whole, however large; its own client takes it too.
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  // A silent peer is found within 15 s; etcd refuses pings more often than every 5 s.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.use_local_subchannel_pool': 1,
  'grpc-node.flow_control_window': 4 * 1024 * 1024,
} as const;

/** Calls to any of the endpoints. Nothing is left open after `close`. */
export class Endpoints {
  readonly #endpoints: readonly Endpoint[];
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #requestMs: number;
  #current = 0;

  constructor(options: EndpointsOptions) {
    this.#endpoints = options.endpoints.map((url) => connect(url, options.tls));
    present(this.#endpoints[0], 'an endpoint of etcd');
    this.#clock = options.clock;
    this.#log = options.log;
    this.#requestMs = options.requestMs;
  }

  /**
   * One question, one answer. `repeatable`: asking twice is asking once, so that another endpoint may be asked when the
   * answer was lost. Errors: what etcd refused; Unknown when the answer to what may not be repeated was lost; NoLeader when
   * no endpoint took it in time.
   */
  async call(method: string, request: Buffer, doing: string, repeatable: boolean): Promise<Buffer> {
    const deadlineMs = this.#clock.monotonicMs() + this.#requestMs;
    let why = '';
    for (let attempt = 1; ; attempt++) {
      const leftMs = deadlineMs - this.#clock.monotonicMs();
      if (attempt > 1 && leftMs <= 0) throw new BarnError('NoLeader', `${doing}: no endpoint of etcd took it: ${why}`);
      const endpoint = this.#endpoint();
      const fault = await readyWithin(endpoint, Math.min(connectMsMax, leftMs)).then(
        () => askOnce(endpoint, method, request, doing, leftMs),
        () => ({ kind: 'untaken', why: `no connection to ${endpoint.url}` }) as const,
      );
      if (Buffer.isBuffer(fault)) return fault;
      if (fault.kind === 'refused') throw fault.error;
      why = fault.why;
      if (fault.kind === 'lost' && !repeatable)
        throw new BarnError('Unknown', `${doing}: it may or may not be done, the answer was lost: ${why}`);
      this.turnFrom(endpoint.url, why);
      if (attempt % this.#endpoints.length === 0) await sleep(this.#clock, pauseBetweenRoundsMs);
    }
  }

  /** Opens a stream to the present endpoint, which is named with it. Errors: NoLeader when that one cannot be reached. */
  async stream(method: string): Promise<{ readonly stream: EtcdStream; readonly url: string }> {
    const endpoint = this.#endpoint();
    const { client, url } = endpoint;
    try {
      await readyWithin(endpoint, connectMsMax);
    } catch (cause) {
      this.turnFrom(url, 'no connection');
      throw new BarnError('NoLeader', `${method}: no connection to ${url}`, { cause });
    }
    const stream = client.makeBidiStreamRequest(method, same, same, withLeader());
    // Its reader hears of errors; one that comes after the reader has gone is nobody's.
    stream.on('error', () => undefined);
    return { stream, url };
  }

  /** Goes on with the next endpoint, unless somebody has turned away from `url` already. */
  turnFrom(url: string, why: string): void {
    if (this.#endpoint().url !== url || this.#endpoints.length === 1) return;
    this.#current = (this.#current + 1) % this.#endpoints.length;
    this.#log.warn('turned to another etcd endpoint', { from: url, to: this.#endpoint().url, why });
  }

  close(): void {
    for (const { client } of this.#endpoints) client.close();
  }

  #endpoint(): Endpoint {
    return present(this.#endpoints[this.#current], 'an endpoint of etcd');
  }
}

function connect(url: string, tls: EtcdTls | undefined): Endpoint {
  const [, scheme, address] = /^(?:(https?):\/\/)?([^/]+)\/?$/.exec(url) ?? [];
  if (address === undefined)
    throw new BarnError('Storage', `etcd endpoint ${url}: write http://HOST:PORT or https://…`);
  if (scheme === 'https' && tls === undefined)
    throw new BarnError('Storage', `etcd endpoint ${url}: it needs the certificate of the authority that etcd trusts`);
  if (scheme === 'http' && tls !== undefined)
    throw new BarnError('Storage', `etcd endpoint ${url}: certificates were given, so write https://`);
  const secured =
    tls === undefined
      ? credentials.createInsecure()
      : credentials.createSsl(bufferOf(tls.ca), bufferOf(tls.key), bufferOf(tls.cert));
  return { url, client: new Client(address, secured, channelOptions) };
}

function bufferOf(pem: string | Uint8Array): Buffer;
function bufferOf(pem: string | Uint8Array | undefined): Buffer | null;
function bufferOf(pem: string | Uint8Array | undefined): Buffer | null {
  return pem === undefined ? null : Buffer.from(pem);
}

/** Rejects as soon as the connection was refused. */
function readyWithin({ client }: Endpoint, timeoutMs: number): Promise<void> {
  const channel = client.getChannel();
  const deadline = deadlineIn(timeoutMs);
  return new Promise((resolve, reject) => {
    const look = (error?: Error): void => {
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.READY) resolve();
      else if (error !== undefined) reject(error);
      else if (state === connectivityState.TRANSIENT_FAILURE) reject(new Error('the connection was refused'));
      else channel.watchConnectivityState(state, deadline, look);
    };
    look();
  });
}

function askOnce(
  { client }: Endpoint,
  method: string,
  request: Buffer,
  doing: string,
  timeoutMs: number,
): Promise<Buffer | ReturnType<typeof faultOf>> {
  return new Promise((resolve) => {
    const answered = (error: ServiceError | null, answer?: Buffer): void => {
      if (error !== null) resolve(faultOf(error, doing));
      else resolve(present(answer, 'an answer of etcd'));
    };
    client.makeUnaryRequest(method, same, same, request, withLeader(), { deadline: deadlineIn(timeoutMs) }, answered);
  });
}

// gRPC counts its deadlines by the machine's clock itself.
const deadlineIn = (timeoutMs: number): Date => new Date(Date.now() + timeoutMs);

/** Asks a member without a leader to refuse at once, and to end streams. */
function withLeader(): Metadata {
  const metadata = new Metadata();
  metadata.set('hasleader', 'true');
  return metadata;
}

const same = (bytes: Buffer): Buffer => bytes;
