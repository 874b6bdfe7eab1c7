// The events of a watch in the form that its client takes.
import { apiVersionOf, type KindInfo, type Unstructured } from '../../apis/index.ts';
import type { Revision } from '../../barn/index.ts';
import type { Clock } from '../../base/index.ts';
import { type ObjectStore, type Stored, show, withVersion } from '../storage/object-store.ts';
import { shownBytes } from '../storage/stored-bytes.ts';
import { partialOf } from '../view/partial.ts';
import { type IncludeObject, tableFrame, tableOf } from '../view/table.ts';
import type { EventForm } from '../watch/form.ts';
import type { ChangeType } from '../watch/groups.ts';
import type { Form } from './negotiate.ts';

/** What the events of a kind look like to some clients. */
export interface WatchForm {
  readonly info: KindInfo;
  readonly form: Form;
  readonly include: IncludeObject;
  /** What a user sees of an object. Users with the same `sight` see the same. */
  readonly visible: (object: Unstructured) => Unstructured;
  readonly sight: string;
}

const initialEventsEnd = 'k8s.io/initial-events-end';

/** The form as the hub takes it. */
export function eventForm(store: ObjectStore, clock: Clock, wanted: WatchForm): EventForm {
  const { info, form, include, sight } = wanted;
  const isPlain = form === 'object' && sight === '';
  return {
    name: `${form} ${form === 'table' ? include : ''} ${sight}`,
    hasFirst: form === 'table',
    event(type, stored, revision, isFirst) {
      const pieces = isPlain ? shownBytes(info, stored, revision) : undefined;
      if (pieces !== undefined) return Buffer.concat([beginning[type], ...pieces, ending]);
      const object = inForm(wanted, shownOf(store, wanted, stored, revision), clock, isFirst);
      return Buffer.from(`${JSON.stringify({ type, object })}\n`);
    },
    bookmark(revision, isInitialEnd) {
      const object = bookmarkIn(form, info, revision, isInitialEnd);
      return Buffer.from(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
    },
  };
}

const beginning: Readonly<Record<ChangeType, Buffer>> = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
};
const ending = Buffer.from('}\n');

function shownOf(store: ObjectStore, { info, visible }: WatchForm, stored: Stored, revision: Revision): Unstructured {
  const object = visible(show(info, store.reveal(stored)));
  return revision === stored.revision ? object : withVersion(object, revision);
}

function inForm({ info, form, include }: WatchForm, object: Unstructured, clock: Clock, isFirst: boolean): unknown {
  switch (form) {
    case 'object':
      return object;
    case 'partial':
      return partialOf(object);
    case 'table': {
      const metadata = { resourceVersion: object.metadata.resourceVersion };
      return tableOf(info, [object], { include, nowMs: clock.now(), metadata, withColumns: isFirst });
    }
    default:
      return form satisfies never;
  }
}

function bookmarkIn(form: Form, info: KindInfo, revision: Revision, isInitialEnd: boolean): unknown {
  const metadata = {
    resourceVersion: String(revision),
    ...(isInitialEnd ? { annotations: { [initialEventsEnd]: 'true' } } : {}),
  };
  switch (form) {
    case 'object':
      return { kind: info.kind, apiVersion: apiVersionOf(info), metadata };
    case 'partial':
      return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
    case 'table':
      return { ...tableFrame(info, metadata, false), rows: [] };
    default:
      return form satisfies never;
  }
}
