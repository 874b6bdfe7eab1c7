// The counters of slices that run here, for who watches a run.
import { filter, type Observable, Subject } from 'rxjs';
import type { Counters } from '../runi-slice/protocol/index.ts';

/** One step's counters now. */
export interface Progress {
  readonly step: string;
  readonly attempt: number;
  readonly slice: string;
  readonly counters: Counters;
}

/** The newest counters of each slice that has a slot; bounded by the slots there are. */
export class ProgressBoard {
  readonly #slices = new Map<string, { readonly runUid: string; progress: Progress | undefined }>();
  readonly #changes = new Subject<string>();

  /** A slice begins; its run has progress from now. */
  begin(uid: string, runUid: string): void {
    this.#slices.set(uid, { runUid, progress: undefined });
  }

  set(uid: string, progress: Progress): void {
    const slice = this.#slices.get(uid);
    if (slice === undefined) return;
    slice.progress = progress;
    this.#changes.next(slice.runUid);
  }

  end(uid: string): void {
    const slice = this.#slices.get(uid);
    this.#slices.delete(uid);
    if (slice !== undefined) this.#changes.next(slice.runUid);
  }

  /** Whether a slice of the run has a slot here. */
  has(runUid: string): boolean {
    return [...this.#slices.values()].some((slice) => slice.runUid === runUid);
  }

  /** What the slices of a run have counted. */
  of(runUid: string): readonly Progress[] {
    return [...this.#slices.values()].flatMap((slice) =>
      slice.runUid === runUid && slice.progress !== undefined ? [slice.progress] : [],
    );
  }

  /** Emits when a run's progress changed, and when a slice of it ended. */
  changes$(runUid: string): Observable<string> {
    return this.#changes.pipe(filter((changed) => changed === runUid));
  }
}
