import { type EventObject, kinds } from '../../apis/index.ts';
import type { Api } from '../api.ts';
import { follow } from '../follow.ts';
import { isOn, type Options, textOption } from '../options.ts';
import { columnLines } from '../print/columns.ts';
import { shortDuration } from '../print/duration.ts';
import { parseOne } from '../resource.ts';
import type { Session } from '../session.ts';

/** `runictl events`: what happened, oldest first. */
export async function events(session: Session, options: Options): Promise<number> {
  const { terminal } = session;
  const api = await session.connect();
  const of = textOption(options, 'for');
  const fieldSelector = of === undefined ? undefined : involvedSelector(of);
  const isAll = isOn(options, 'allNamespaces');
  const found = await listEvents(api, { fieldSelector, isAll });
  if (found.length === 0 && !isOn(options, 'watch')) {
    terminal.err(isAll ? 'No events found.\n' : `No events found in ${api.namespace} namespace.\n`);
    return 0;
  }
  const header = [...(isAll ? ['NAMESPACE'] : []), 'LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'];
  const row = (event: EventObject): string[] => [
    ...(isAll ? [event.metadata.namespace ?? ''] : []),
    ...eventCells(event, terminal.clock.now()),
  ];
  const rows = found.map(row);
  if (rows.length > 0)
    await terminal.out(`${columnLines(options['headers'] === false ? rows : [header, ...rows]).join('\n')}\n`);
  if (!isOn(options, 'watch')) return 0;
  const seen = new Map(found.map((event) => [event.metadata.uid, event.metadata.resourceVersion]));
  const scope = fieldSelector === undefined ? {} : { fieldSelector };
  for await (const { type, object } of follow<EventObject>(api, kinds.events, scope, terminal)) {
    if (object === undefined || type === 'DELETED') continue;
    if (seen.get(object.metadata.uid) === object.metadata.resourceVersion) continue;
    await terminal.out(`${columnLines([row(object)]).join('\n')}\n`);
  }
  return 0;
}

/** Events in scope, oldest first. */
export async function listEvents(
  api: Api,
  scope: {
    readonly fieldSelector: string | undefined;
    readonly isAll: boolean;
    readonly namespace?: string | undefined;
  },
): Promise<EventObject[]> {
  const { items } = await api.client.list<EventObject>(kinds.events, {
    ...(scope.isAll ? {} : { namespace: scope.namespace ?? api.namespace }),
    ...(scope.fieldSelector === undefined ? {} : { fieldSelector: scope.fieldSelector }),
  });
  return items.toSorted((a, b) => timeOf(a) - timeOf(b));
}

/** Cells of an event: age, type, reason, object, message. */
export function eventCells(event: EventObject, nowMs: number): string[] {
  const { count = 1 } = event;
  const last = shortDuration(nowMs - timeOf(event));
  const first = event.firstTimestamp === undefined ? '' : shortDuration(nowMs - Date.parse(event.firstTimestamp));
  return [
    count > 1 && first !== '' ? `${last} (x${count} over ${first})` : last,
    event.type ?? '',
    event.reason ?? '',
    `${event.involvedObject.kind ?? ''}/${event.involvedObject.name ?? ''}`,
    event.message ?? '',
  ];
}

function involvedSelector(of: string): string {
  const { kind, name } = parseOne([of]);
  return `involvedObject.kind=${kind.kind},involvedObject.name=${name}`;
}

function timeOf(event: EventObject): number {
  return (
    Date.parse(
      event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp ?? event.metadata.creationTimestamp ?? '',
    ) || 0
  );
}
