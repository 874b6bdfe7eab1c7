// What this node has left for slices. The scheduler keeps the same books; this is the last word.

/** What a node has and a group needs. */
export interface Amounts {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly slices: number;
}

/** Reserved and free amounts; a reservation is kept under a key until it is released. */
export class Ledger {
  readonly #allocatable: Amounts;
  readonly #reserved = new Map<string, Amounts>();

  constructor(allocatable: Amounts) {
    this.#allocatable = allocatable;
  }

  /** Why `wanted` does not fit beside what is reserved, or undefined. */
  misfit(wanted: Amounts): { readonly reason: string; readonly message: string } | undefined {
    const free = this.#free();
    const short = (what: string, unit: string, needs: number, has: number) =>
      needs <= has
        ? undefined
        : {
            reason: `OutOf${what}`,
            message: `the node refuses the group: it needs ${needs}${unit} ${what.toLowerCase()}, ${has}${unit} are free`,
          };
    return (
      short('Cpu', 'm', wanted.cpuMillis, free.cpuMillis) ??
      short('Memory', ' bytes', wanted.memoryBytes, free.memoryBytes) ??
      short('Slices', '', wanted.slices, free.slices)
    );
  }

  reserve(key: string, amounts: Amounts): void {
    this.#reserved.set(key, amounts);
  }

  release(key: string): void {
    this.#reserved.delete(key);
  }

  #free(): Amounts {
    return [...this.#reserved.values()].reduce(
      (free, taken) => ({
        cpuMillis: free.cpuMillis - taken.cpuMillis,
        memoryBytes: free.memoryBytes - taken.memoryBytes,
        slices: free.slices - taken.slices,
      }),
      this.#allocatable,
    );
  }
}
