import { InvariantError } from '../../base/index.ts';

/**
 * The append messages on their way to one follower: a window bounded by count and by bytes. The bytes are a soft bound: one
 * message may cross it. A ring that grows up to `countMax`, since most followers never have that many on the way.
 */
export class Inflights {
  readonly countMax: number;
  readonly bytesMax: number;
  private start = 0;
  private size = 0;
  private bytes = 0;
  private capacity = 0;
  /** The last index of each message, and its bytes beside it. */
  private indexes: number[] = [];
  private sizes: number[] = [];

  constructor(countMax: number, bytesMax: number) {
    this.countMax = countMax;
    this.bytesMax = bytesMax;
  }

  get count(): number {
    return this.size;
  }

  /** Nothing more may be sent until something was acknowledged. */
  get isFull(): boolean {
    return this.size === this.countMax || this.bytes >= this.bytesMax;
  }

  /** A message whose last entry is `index` leaves; indexes ascend. */
  add(index: number, bytes: number): void {
    if (this.isFull) throw new InvariantError(`append of ${index} sent into a full window`);
    if (this.size === this.capacity) this.grow();
    const at = (this.start + this.size) % this.capacity;
    this.indexes[at] = index;
    this.sizes[at] = bytes;
    this.size++;
    this.bytes += bytes;
  }

  /** Everything up to `index` arrived. */
  freeUpTo(index: number): void {
    while (this.size > 0 && (this.indexes[this.start] ?? 0) <= index) {
      this.bytes -= this.sizes[this.start] ?? 0;
      this.start = (this.start + 1) % this.capacity;
      this.size--;
    }
    if (this.size === 0) this.reset();
  }

  /** Nothing is on its way any more. */
  reset(): void {
    this.start = 0;
    this.size = 0;
    this.bytes = 0;
  }

  private grow(): void {
    const indexes: number[] = [];
    const sizes: number[] = [];
    for (let i = 0; i < this.size; i++) {
      const at = (this.start + i) % this.capacity;
      indexes.push(this.indexes[at] ?? 0);
      sizes.push(this.sizes[at] ?? 0);
    }
    this.capacity = Math.min(this.countMax, Math.max(1, this.capacity * 2));
    while (indexes.length < this.capacity) {
      indexes.push(0);
      sizes.push(0);
    }
    this.indexes = indexes;
    this.sizes = sizes;
    this.start = 0;
  }
}
