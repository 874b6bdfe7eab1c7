// `runictl barn status`: every member asked by itself, as `etcdctl endpoint status --cluster -w table` does.
import type { Api } from '../api.ts';
import { errorText } from '../failure.ts';
import { type Options, textOption } from '../options.ts';
import { columnLines } from '../print/columns.ts';
import { toJson } from '../print/object.ts';
import type { Session } from '../session.ts';
import { isRecord, recordsOf, textOf } from '../values.ts';
import { readMembers, texts } from './answers.ts';

/** One member as it sees itself; what it did not say is ''. */
export interface StatusRow {
  readonly endpoint: string;
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly sizeBytes: number;
  readonly isLeader: boolean;
  readonly isLearner: boolean;
  readonly term: string;
  readonly index: string;
  readonly applied: string;
  readonly revision: string;
  readonly hash: string;
  /** In which format the group writes entries, and the newest that this member knows. */
  readonly format: string;
  /** What encrypts its files now, and what something on its disk still needs beside. */
  readonly keys: string;
  readonly errors: readonly string[];
}

const header = [
  'NAME',
  'ID',
  'ENDPOINT',
  'VERSION',
  'DB SIZE',
  'LEADER',
  'LEARNER',
  'TERM',
  'INDEX',
  'APPLIED',
  'REVISION',
  'HASH',
  'FORMAT',
  'KEYS',
  'ERRORS',
];

/** Prints a row a member; the exit code is 1 when one did not answer or has an error. */
export async function barnStatus(session: Session, options: Options): Promise<number> {
  const { terminal } = session;
  const members = await findMembers(session);
  const rows = judged(await Promise.all(members.map((member) => rowOf(session, member))));
  if (textOption(options, 'output') === 'json') await terminal.out(toJson({ members: rows }));
  else await terminal.out(`${columnLines([header, ...rows.map(cells)]).join('\n')}\n`);
  return rows.some((row) => row.errors.length > 0) ? 1 : 0;
}

interface Found {
  readonly name: string;
  readonly id: string;
  readonly endpoint: string | undefined;
}

/** The members as the group tells them; the kubeconfig's addresses when nobody can tell. */
async function findMembers(session: Session): Promise<readonly Found[]> {
  const api = await session.connect();
  const listed = await readMembers(api, session.terminal.signal).catch(() => undefined);
  if (listed === undefined || listed.length <= 1)
    return api.serverUrls.map((endpoint) => ({ name: '', id: '', endpoint }));
  return listed.map(({ name, id, clientUrls }) => ({ name, id, endpoint: clientUrls[0] }));
}

async function rowOf(session: Session, { name, id, endpoint }: Found): Promise<StatusRow> {
  const empty = { version: '', sizeBytes: 0, isLeader: false, isLearner: false, term: '', index: '', applied: '' };
  const unknown = { endpoint: endpoint ?? '', name, id, ...empty, revision: '', hash: '', format: '', keys: '' };
  if (endpoint === undefined) return { ...unknown, errors: ['it has not said where clients find it'] };
  try {
    return statusOf(endpoint, await askStatus(await session.connectTo(endpoint), session.terminal.signal));
  } catch (error) {
    session.terminal.signal.throwIfAborted();
    return { ...unknown, errors: [errorText(error)] };
  }
}

async function askStatus(api: Api, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
  const body = await (await api.get('/barn/v1/status', { signal })).json();
  return isRecord(body) ? body : {};
}

/** A member's answer as a row. */
export function statusOf(endpoint: string, body: Readonly<Record<string, unknown>>): StatusRow {
  const id = textOf(body['id']);
  const leader = textOf(body['leaderId']);
  const alarms = recordsOf(body['alarms']).filter((alarm) => alarm['memberId'] === id);
  return {
    endpoint,
    name: textOf(body['name']),
    id,
    version: textOf(body['version']),
    sizeBytes: Number(body['dbSize'] ?? 0),
    isLeader: leader !== '' && leader === id,
    isLearner: body['isLearner'] === true,
    term: textOf(body['term']),
    index: textOf(body['index']),
    applied: textOf(body['appliedIndex']),
    revision: textOf(body['revision']),
    hash: hashText(body['hash']),
    format: formatText(body['format']),
    keys: keysText(body['encryption']),
    errors: [...(leader === '0' ? ['no leader'] : []), ...alarms.map((alarm) => `alarm ${textOf(alarm['alarm'])}`)],
  };
}

/** Adds what shows only beside the others: two that have another state at the same revision. */
export function judged(rows: readonly StatusRow[]): StatusRow[] {
  return rows.map((row) => {
    const other = rows.find(
      ({ revision, hash }) => hash !== '' && row.hash !== '' && revision === row.revision && hash !== row.hash,
    );
    if (other === undefined) return row;
    return { ...row, errors: [...row.errors, `another hash than ${other.name} has at revision ${row.revision}`] };
  });
}

function cells(row: StatusRow): string[] {
  return [
    row.name,
    row.id,
    row.endpoint,
    row.version,
    row.version === '' ? '' : sizeText(row.sizeBytes),
    row.version === '' ? '' : String(row.isLeader),
    row.version === '' ? '' : String(row.isLearner),
    row.term,
    row.index,
    row.applied,
    row.revision,
    row.hash,
    row.format,
    row.keys,
    row.errors.join('; '),
  ];
}

/** `2026-11`, or while it is not the only one: `2026-11, still 2026-10 (log, state: 1200 left)`. */
export function keysText(value: unknown): string {
  if (!isRecord(value)) return '';
  const current = textOf(value['current']);
  const [log, state] = [texts(value['log']), texts(value['state'])];
  const former = [...new Set([...log, ...state])].filter((id) => id !== current);
  if (former.length === 0) return current;
  const left = Number(value['left'] ?? 0);
  const places = (id: string): string =>
    [
      ...(log.includes(id) ? ['log'] : []),
      ...(state.includes(id) ? [left > 0 ? `state: ${left} left` : 'state'] : []),
    ].join(', ');
  return `${current}, still ${former.map((id) => `${id} (${places(id)})`).join(', ')}`;
}

/** Bytes as etcdctl prints them: 25 kB, 2.1 MB. */
export function sizeText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? ''}`;
}

// A member that knows more than is written waits for the others to be upgraded.
function formatText(value: unknown): string {
  if (!isRecord(value)) return '';
  const [written, known] = [textOf(value['written']), textOf(value['known'])];
  return written === known ? written : `${written} (knows ${known})`;
}

function hashText(value: unknown): string {
  return typeof value === 'number' && value !== 0 ? value.toString(16) : '';
}
