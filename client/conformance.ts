// Test support: the one suite that every twin of Client passes. What is checked here is what controllers, agents and
// runictl may rely on.
import { randomBytes } from 'node:crypto';
import { kinds } from '../apis/index.ts';
import type { Client } from './client.ts';
import { describeBinding } from './conformance/binding.ts';
import { describeBundles } from './conformance/bundles.ts';
import { describeDeletion } from './conformance/deletion.ts';
import { describeFences } from './conformance/fences.ts';
import { describeLists } from './conformance/lists.ts';
import { describeObjects } from './conformance/objects.ts';
import { describePatches } from './conformance/patches.ts';
import { herdOf, type Place } from './conformance/support.ts';
import { describeUpdates } from './conformance/updates.ts';
import { describeWatches } from './conformance/watches.ts';

export interface ConformanceSubject {
  readonly client: Client;
  /** Makes the server forget the history before now; absent: not checked. */
  compact?(): Promise<void>;
  close(): Promise<void>;
}

/** Declares the suite's tests for what `open` gives; opened once, each test works in herds of its own. */
export function describeClient(title: string, open: () => Promise<ConformanceSubject>): void {
  describe(`Client: ${title}`, () => {
    let subject: ConformanceSubject;
    let place: Place;

    before(async () => {
      subject = await open();
    });
    after(() => subject?.close());
    beforeEach(async () => {
      const { client, compact } = subject;
      const herd = `c-${randomBytes(5).toString('hex')}`;
      await client.create(kinds.herds, herdOf(herd));
      place = compact === undefined ? { client, herd } : { client, herd, compact: () => compact.call(subject) };
    });

    const at = (): Place => place;
    describeObjects(at);
    describeUpdates(at);
    describePatches(at);
    describeDeletion(at);
    describeBinding(at);
    describeFences(at);
    describeLists(at);
    describeWatches(at);
    describeBundles(at);
  });
}
