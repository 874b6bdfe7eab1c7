// Many watchers in one process, and writes whose events they get: how long from sending a write to its event.
import { annotation, at, eventOf } from './api-objects.ts';
import { type Peer, Wire } from './api-wire.ts';
import { pssKilobytes } from './process-memory.ts';

/** Watchers of one kind, and writes. */
export interface WatchLoad {
  readonly do: 'watch';
  readonly watchers: number;
  /** `own`: events, each watches for one node's, and a write is for one of them; `all`: every write is for all. */
  readonly kind: 'own' | 'all';
  /** Of the resource. */
  readonly path: string;
  readonly writes: number;
  readonly prefix: string;
}

/** What came of it. */
export interface WatchMeasured {
  /** From sending a write to its event, over all events. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** From sending a write to its last event: the middle one, and the worst. */
  readonly lastP50Ms: number;
  readonly lastMaxMs: number;
  /** The longest that the server took for something small meanwhile. */
  readonly stallMs: number;
  /** Seconds until all were open. */
  readonly openSeconds: number;
  /** Kilobytes by which the first server has grown for each watcher. */
  readonly kilobytes: number;
}

const openedAtATime = 32;
/** What opening left is collected by then. */
const settleMs = 10_000;
const probeEveryMs = 5;

/** Opens the watchers, writes, measures, and closes them. */
export async function watchLoad(peerOf: (index: number) => Peer, load: WatchLoad): Promise<WatchMeasured> {
  const room = new Room(load);
  const before = pssKilobytes(peerOf(0).pid);
  const began = performance.now();
  await room.open(peerOf);
  const openSeconds = (performance.now() - began) / 1000;
  if (load.watchers > 1_000) await pause(settleMs);
  const kilobytes = (pssKilobytes(peerOf(0).pid) - before) / load.watchers;
  // Opened only now: the server closes a connection on which nothing is asked for some time.
  const [writer, prober] = await Promise.all([Wire.open(peerOf(0)), Wire.open(peerOf(1))]);
  const probe = new Probe(prober);
  const times: number[] = [];
  const last: number[] = [];
  for (let write = 0; write < load.writes; write++) {
    const sent = performance.now();
    const target = Math.floor((write * load.watchers) / load.writes);
    const seen = room.told(target, () => times.push(performance.now() - sent));
    const name = `${load.prefix}${write}`;
    const body = load.kind === 'own' ? eventOf(name, nodeOf(target)) : annotation(name);
    const [answer] = await Promise.all([writer.ask('POST', load.path, body), seen]);
    if (answer.code !== 201) throw new Error(`a write was answered ${answer.code}`);
    last.push(performance.now() - sent);
  }
  const stallMs = await probe.end();
  for (const wire of [writer, prober]) wire.close();
  room.close();
  times.sort((a, b) => a - b);
  last.sort((a, b) => a - b);
  return {
    p50Ms: at(times, 0.5),
    p99Ms: at(times, 0.99),
    lastP50Ms: at(last, 0.5),
    lastMaxMs: at(last, 1),
    stallMs,
    openSeconds,
    kilobytes,
  };
}

/** All watchers of a load. */
class Room {
  readonly #load: WatchLoad;
  readonly #wires: Wire[] = [];
  #onEvent: (index: number) => void = () => {};

  constructor(load: WatchLoad) {
    this.#load = load;
  }

  async open(peerOf: (index: number) => Peer): Promise<void> {
    let next = 0;
    const work = async (): Promise<void> => {
      for (let index = next++; index < this.#load.watchers; index = next++) {
        const wire = await Wire.open(peerOf(index));
        this.#wires.push(wire);
        await this.#begin(wire, index);
      }
    };
    await Promise.all(Array.from({ length: openedAtATime }, work));
  }

  /** Resolves when all whom a write is for were told. */
  told(target: number, onEvent: () => void): Promise<void> {
    const { kind, watchers } = this.#load;
    let left = kind === 'own' ? 1 : watchers;
    return new Promise((resolve, reject) => {
      this.#onEvent = (index) => {
        if (kind === 'own' && index !== target) reject(new Error(`${index} was told what is for ${target}`));
        onEvent();
        if (--left === 0) resolve();
      };
    });
  }

  close(): void {
    for (const wire of this.#wires) wire.close();
  }

  #begin(wire: Wire, index: number): Promise<void> {
    const { kind, path } = this.#load;
    const selector = kind === 'own' ? `&fieldSelector=involvedObject.name%3D${nodeOf(index)}` : '';
    const query = `watch=1&timeoutSeconds=600&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan${selector}`;
    return new Promise((resolve, reject) => {
      let isOpen = false;
      const onBytes = (bytes: Buffer): void => {
        if (isOpen) {
          if (bytes.includes('"type":"ADDED"')) this.#onEvent(index);
        } else if (bytes.includes('initial-events-end')) {
          isOpen = true;
          resolve();
        }
      };
      wire.stream(`${path}?${query}`, onBytes).then(() => reject(new Error('a watch ended')), reject);
    });
  }
}

/** Asks for something small again and again. */
class Probe {
  readonly #running: Promise<number>;
  #isOver = false;

  constructor(wire: Wire) {
    this.#running = this.#run(wire);
  }

  end(): Promise<number> {
    this.#isOver = true;
    return this.#running;
  }

  async #run(wire: Wire): Promise<number> {
    let worst = 0;
    while (!this.#isOver) {
      const asked = performance.now();
      await wire.ask('GET', '/livez');
      worst = Math.max(worst, performance.now() - asked);
      await pause(probeEveryMs);
    }
    return worst;
  }
}

function nodeOf(index: number): string {
  return `node-${index}`;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
