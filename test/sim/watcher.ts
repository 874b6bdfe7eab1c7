import { BarnError, type Key, type WatchBatch } from '../../barn/index.ts';
import { askOf, type Client, Lost } from './client.ts';
import { StreamCheck } from './watch-check.ts';

/** A reader of all events of a range, from the first on: goes on at another member when a stream breaks. */
export class Watcher {
  readonly #client: Client;
  readonly #range: readonly [Key, Key | undefined];
  readonly #progress: boolean;
  readonly #prevValue: boolean;
  #check: StreamCheck;
  /** Streams and batches so far. */
  readonly counts = { streams: 0, batches: 0 };

  constructor(client: Client, range: readonly [Key, Key | undefined]) {
    this.#client = client;
    this.#range = range;
    this.#progress = client.chance.happens(0.6);
    this.#prevValue = client.chance.happens(0.5);
    this.#check = this.#from(1);
  }

  /** Whether it was told all that was committed. */
  get isComplete(): boolean {
    return this.#check.isComplete;
  }

  async run(isOver: () => boolean): Promise<void> {
    const { world, chance } = this.#client;
    const pauseMs = chance.pick(world.character.readerPausesMs);
    while (!isOver()) {
      try {
        await this.#read(isOver, pauseMs);
      } catch (error) {
        if (error instanceof BarnError && error.reason === 'Compacted') await this.#resync();
        else if (!(error instanceof BarnError || error instanceof Lost))
          world.violations.add('no error is lost', `${this.#client.name}: ${String(error)}`);
        else this.#client.turnAway();
      }
      await world.loop.delay(10 + chance.around(20), `${this.#client.name} watches again`);
    }
  }

  async #read(isOver: () => boolean, pauseMs: number): Promise<void> {
    const { world, chance } = this.#client;
    const life = this.#client.life();
    if (life === undefined) return;
    const breaks = new AbortController();
    const breakAfter = chance.happens(0.3) ? chance.between(1, 20) : Number.POSITIVE_INFINITY;
    const options = { progress: this.#progress, prevValue: this.#prevValue, signal: breaks.signal };
    this.#check = this.#from(this.#check.next);
    const stream = await askOf(world, life, life.barn.watch(...this.#range, this.#check.next, options));
    if (this.counts.streams++ > 0) world.count('watch resumed');
    for (let count = 0; !isOver(); count++) {
      if (count >= breakAfter) break;
      const next = await askOf(world, life, stream.next(), Number.POSITIVE_INFINITY);
      if (next.done === true) break;
      this.#take(next.value, life.process.name);
      if (pauseMs > 0 && world.isChaos)
        await world.loop.delay(chance.around(pauseMs), `${this.#client.name} reads slowly`);
    }
    breaks.abort();
    await stream.return?.();
  }

  #take(batch: WatchBatch, from: string): void {
    this.counts.batches++;
    if (batch.events.length === 0) this.#client.world.count('progress told');
    const fault = this.#check.take(batch);
    if (fault !== undefined) this.#client.world.violations.add('watch stream', `${fault} (told by ${from})`);
  }

  /** The history is gone: what it missed it reads, and goes on after that. */
  async #resync(): Promise<void> {
    this.#client.world.count('watch began after a compaction');
    const answer = await this.#client.range(...this.#range);
    if (answer.kind === 'range') this.#check = this.#from(Math.max(this.#check.next, answer.result.revision + 1));
  }

  #from(from: number): StreamCheck {
    const [start, end] = this.#range;
    return new StreamCheck({ client: this.#client.name, start, end, from }, this.#client.world.truth);
  }
}
