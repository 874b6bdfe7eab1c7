/** One snapshot on its way: what the sender pushes, the receiver reads, until it ends or breaks. */
export class SnapshotPipe implements AsyncIterableIterator<Uint8Array> {
  readonly #chunks: Uint8Array[] = [];
  #end: { readonly error?: Error } | undefined;
  #wake: (() => void) | undefined;

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Hands a copy over: it crossed a wire. */
  push(chunk: Uint8Array): void {
    this.#chunks.push(new Uint8Array(chunk));
    this.#wake?.();
  }

  end(): void {
    this.#end ??= {};
    this.#wake?.();
  }

  break(error: Error): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) return { done: false, value: chunk };
      if (this.#end?.error !== undefined) throw this.#end.error;
      if (this.#end !== undefined) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    return { done: true, value: undefined };
  }
}
