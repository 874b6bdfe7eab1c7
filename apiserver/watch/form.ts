// How a kind's objects are told of: the same form gives the same bytes, so each event is encoded once for all who take it.
import type { Revision } from '../../barn/index.ts';
import type { Stored } from '../storage/object-store.ts';
import type { ChangeType } from './groups.ts';

/** Encodes events into lines. */
export interface EventForm {
  /** Forms of one kind with the same name give the same bytes. */
  readonly name: string;
  /** Whether the first event of a stream says more than others. */
  readonly hasFirst: boolean;
  event(type: ChangeType, stored: Stored, revision: Revision, isFirst: boolean): Buffer;
  /** `isInitialEnd`: what was there at the beginning was told. */
  bookmark(revision: Revision, isInitialEnd: boolean): Buffer;
}
