import { isApiError, type KindInfo, kinds, type Slice, type Unstructured } from '../../apis/index.ts';
import type { Api } from '../api.ts';
import { errorText } from '../failure.ts';
import { lastAppliedAnnotation } from '../merge.ts';
import type { Options } from '../options.ts';
import { columnLines } from '../print/columns.ts';
import { type Described, describeLines } from '../print/describe.ts';
import { parseSelections } from '../resource.ts';
import type { Session } from '../session.ts';
import { eventCells, listEvents } from './events.ts';
import { fetchObjects, scopeOf } from './listing.ts';

/** `runictl describe`: metadata, spec, status, conditions and events of objects, in words. */
export async function describe(session: Session, args: readonly string[], options: Options): Promise<number> {
  const { terminal } = session;
  const api = await session.connect();
  const scope = scopeOf(api, options);
  let printed = 0;
  let failures = 0;
  for (const selection of parseSelections(args)) {
    const names = selection.names.length === 0 ? [[]] : selection.names.map((name) => [name]);
    for (const some of names)
      try {
        for (const object of await fetchObjects(api, { kind: selection.kind, names: some }, scope)) {
          const lines = await describeOne(api, selection.kind, object, terminal.clock.now());
          await terminal.out(`${printed > 0 ? '\n\n' : ''}${lines.join('\n')}\n`);
          printed++;
        }
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
        failures++;
        terminal.err(`${errorText(error)}\n`);
      }
  }
  if (printed === 0 && failures === 0) terminal.err(`No resources found in ${api.namespace} namespace.\n`);
  return failures > 0 ? 1 : 0;
}

async function describeOne(api: Api, kind: KindInfo, object: Unstructured, nowMs: number): Promise<string[]> {
  const described: Described = { kind, object, hiddenAnnotations: [lastAppliedAnnotation] };
  const slices = kind.kind === 'Run' ? await slicesOf(api, object) : [];
  return [...describeLines(described, slices, nowMs), ...(await eventLines(api, kind, object, nowMs))];
}

async function slicesOf(api: Api, run: Unstructured): Promise<readonly Slice[]> {
  const { items } = await api.client.list<Slice>(kinds.slices, {
    ...(run.metadata.namespace === undefined ? {} : { namespace: run.metadata.namespace }),
    fieldSelector: `spec.run=${run.metadata.name ?? ''}`,
  });
  return items;
}

async function eventLines(api: Api, kind: KindInfo, object: Unstructured, nowMs: number): Promise<string[]> {
  const { uid, name, namespace } = object.metadata;
  const fieldSelector = [
    `involvedObject.kind=${kind.kind}`,
    `involvedObject.name=${name ?? ''}`,
    ...(uid === undefined ? [] : [`involvedObject.uid=${uid}`]),
  ].join(',');
  const found = await listEvents(api, { fieldSelector, isAll: namespace === undefined, namespace });
  if (found.length === 0) return ['Events:  <none>'];
  const rows = found.map((event) => {
    const [age = '', type = '', reason = '', , message = ''] = eventCells(event, nowMs);
    return [type, reason, age, event.source?.component ?? event.reportingComponent ?? '', message];
  });
  return [
    'Events:',
    ...columnLines([['Type', 'Reason', 'Age', 'From', 'Message'], ...rows]).map((line) => `  ${line}`),
  ];
}
