import type { Batch, Source } from '../flow/batch.ts';

/**
 * Several inputs as one. Pipes are read as their records come, interleaved (one that waited for another could stop a step
 * that feeds both); files one after another, in the order given.
 */
export function mergeSources(pipes: readonly Source[], files: readonly Source[]): Source {
  const lanes = [...pipes, ...(files.length > 0 ? [inTurn(files)] : [])];
  const [only] = lanes;
  return lanes.length === 1 && only !== undefined ? only : new Interleaved(lanes);
}

function inTurn(sources: readonly Source[]): Source {
  let at = 0;
  return {
    async next() {
      for (let source = sources[at]; source !== undefined; source = sources[++at]) {
        const batch = await source.next();
        if (batch !== undefined) return batch;
      }
      return undefined;
    },
    async close() {
      await Promise.all(sources.map((source) => source.close()));
    },
  };
}

class Interleaved implements Source {
  readonly #sources: readonly Source[];
  readonly #pending = new Map<Source, Promise<{ readonly source: Source; readonly batch: Batch | undefined }>>();
  /** Whose batch the caller still looks at: it is asked for more only when the caller comes back. */
  #given: Source | undefined;

  constructor(sources: readonly Source[]) {
    this.#sources = sources;
    for (const source of sources) this.#ask(source);
  }

  async next(): Promise<Batch | undefined> {
    if (this.#given !== undefined) this.#ask(this.#given);
    this.#given = undefined;
    while (this.#pending.size > 0) {
      const { source, batch } = await Promise.race(this.#pending.values());
      this.#pending.delete(source);
      if (batch === undefined) continue;
      this.#given = source;
      return batch;
    }
    return undefined;
  }

  async close(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.close()));
  }

  #ask(source: Source): void {
    const asked = source.next().then((batch) => ({ source, batch }));
    // Heard by whoever awaits the race; nobody does once the step has failed for another reason.
    asked.catch(() => undefined);
    this.#pending.set(source, asked);
  }
}
