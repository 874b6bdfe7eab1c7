// What an operator asks of the store, at /barn/v1/: its members, its snapshot, its alarms. Not a part of the Kubernetes API;
// for cluster admins only. Numbers of members are written in hexadecimal, as etcd does.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { ApiError } from '../../apis/index.ts';
import { type Barn, type BarnAlarm, BarnError, type Member, type ReplicatedBarn } from '../../barn/index.ts';
import type { Clock } from '../../base/index.ts';
import { memberNameProblem } from '../../pki/index.ts';
import { forbiddenPathError } from '../auth/attributes.ts';
import { type User, wellKnownGroups } from '../auth/user.ts';
import { isRecord, textOf } from '../json.ts';
import { inTime, isReplicated } from '../storage/barn-health.ts';
import { readBody } from './body.ts';
import { sendJson } from './respond.ts';

/** What the door opens to. */
export interface BarnAdminDeps {
  readonly barn: Barn;
  readonly version: string;
  readonly clock: Clock;
}

const prefix = '/barn/v1/';
const answerMsMax = 1_000;
const bodyBytesMax = 64 * 1024;

/** Whether a path is the door's. */
export function isBarnPath(path: string): boolean {
  return path.startsWith(prefix);
}

/** Answers one request. Errors: Forbidden, NotFound, BadRequest, Conflict (a change that is not allowed now), BarnError. */
export async function serveBarnAdmin(
  deps: BarnAdminDeps,
  user: User,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!user.groups.includes(wellKnownGroups.masters))
    throw forbiddenPathError(user, (request.method ?? '').toLowerCase(), path);
  const parts = path.slice(prefix.length).split('/');
  const [what, name, action] = parts;
  const shape = [request.method, what, ...(name === undefined ? [] : [':']), ...(action === undefined ? [] : [action])];
  const known = parts.length <= 3 ? actions.get(shape.join(' ')) : undefined;
  if (known === undefined) throw new ApiError('NotFound', `there is no ${request.method ?? ''} ${path}`);
  await known({ ...deps, name: name ?? '', request, response });
}

interface Call extends BarnAdminDeps {
  readonly name: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

type Action = (call: Call) => Promise<void>;

const actions: ReadonlyMap<string, Action> = new Map(
  Object.entries<Action>({
    'GET members': async ({ barn, response }) =>
      sendJson(response, 200, { members: (await barn.members()).map(shown) }),
    'POST members': addMember,
    'POST members : promote': async (call) => {
      const promoted = await replicated(call.barn).promote(await memberOf(call, call.name));
      sendJson(call.response, 200, shown(promoted));
    },
    'DELETE members :': async (call) => {
      await replicated(call.barn).remove(await memberOf(call, call.name));
      sendJson(call.response, 200, {});
    },
    'POST replace-members': replaceMembers,
    'POST compact': compact,
    'POST transfer-leader': async (call) => {
      const { to } = await bodyOf(call);
      await replicated(call.barn).transferLeader(await memberOf(call, textOf(to) ?? ''));
      sendJson(call.response, 200, {});
    },
    'GET status': serveStatus,
    'GET hash': async ({ barn, response }) => {
      const { hash, revision, compactRevision } = await barn.status();
      sendJson(response, 200, { hash, revision, compactRevision });
    },
    'GET alarms': async ({ barn, response }) =>
      sendJson(response, 200, { alarms: (await barn.status()).alarms.map(shownAlarm) }),
    'POST alarms : disarm': disarm,
    'GET snapshot': serveSnapshot,
  }),
);

async function addMember(call: Call): Promise<void> {
  const { name, peerURL } = await bodyOf(call);
  const [member, url] = [textOf(name) ?? '', textOf(peerURL) ?? ''];
  const problem = memberNameProblem(member);
  if (problem !== undefined) throw new ApiError('BadRequest', problem);
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:')
    throw new ApiError('BadRequest', `peerURL: "${url}" is not https://HOST:PORT`);
  sendJson(call.response, 201, shown(await replicated(call.barn).addLearner(member, url.replace(/\/+$/, ''))));
}

async function replaceMembers(call: Call): Promise<void> {
  const { replacements } = await bodyOf(call);
  if (!Array.isArray(replacements)) throw new ApiError('BadRequest', 'replacements: must be a list of {"old", "by"}');
  const idOf = async (item: unknown, side: 'old' | 'by'): Promise<number> =>
    memberOf(call, isRecord(item) ? (textOf(item[side]) ?? '') : '');
  const ids = await Promise.all(
    replacements.map(async (item: unknown) => ({ old: await idOf(item, 'old'), by: await idOf(item, 'by') })),
  );
  await replicated(call.barn).replace(ids);
  sendJson(call.response, 200, {});
}

// Refused in etcd's words: scripts that run etcdctl know them. The store itself takes an earlier revision than before for done.
async function compact(call: Call): Promise<void> {
  const { revision } = await bodyOf(call);
  if (typeof revision !== 'number' || !Number.isSafeInteger(revision) || revision < 1)
    throw new ApiError('BadRequest', 'revision: must be a whole number from 1 on');
  const { compactRevision } = await call.barn.status();
  if (revision <= compactRevision)
    throw new ApiError(
      'BadRequest',
      `etcdserver: mvcc: required revision has been compacted: ${revision} is not above ${compactRevision}`,
    );
  try {
    await call.barn.compact(revision);
  } catch (error) {
    if (!(error instanceof BarnError) || error.reason !== 'FutureRevision') throw error;
    throw new ApiError('BadRequest', `etcdserver: mvcc: required revision is a future revision: ${error.message}`);
  }
  sendJson(call.response, 200, {});
}

async function serveStatus({ barn, version, clock, response }: Call): Promise<void> {
  const { raft, alarms, sizeBytes, ...status } = await barn.status();
  // A thread that hangs is no reason to say nothing of the rest.
  const counts = isReplicated(barn) ? await inTime(barn.counts(), answerMsMax, clock) : undefined;
  sendJson(response, 200, {
    ...status,
    version,
    dbSize: sizeBytes,
    alarms: alarms.map(shownAlarm),
    ...(counts === undefined ? {} : { encryption: counts.sealing }),
    ...(raft === undefined
      ? {}
      : {
          id: hex(raft.id),
          leaderId: hex(raft.leader),
          term: raft.term,
          index: raft.committed,
          appliedIndex: raft.applied,
          isLearner: raft.isLearner,
        }),
  });
}

/** Takes one alarm back (`alarms/NOSPACE/disarm`, with the member in the body), or all of a kind, or `all`. */
async function disarm(call: Call): Promise<void> {
  const barn = replicated(call.barn);
  const { member } = await bodyOf(call);
  const only = textOf(member) === undefined ? undefined : await memberOf(call, textOf(member) ?? '');
  const disarmed: BarnAlarm[] = [];
  for (const alarm of (await barn.status()).alarms) {
    if (call.name !== 'all' && alarm.kind !== call.name) continue;
    if (only !== undefined && alarm.member !== only) continue;
    await barn.disarm(alarm);
    disarmed.push(alarm);
  }
  sendJson(call.response, 200, { alarms: disarmed.map(shownAlarm) });
}

// Encrypted where the store is, unless it is asked for otherwise. Broken off, not ended, when the store fails within it: whoever reads it sees that it is not whole.
async function serveSnapshot({ barn, request, response }: Call): Promise<void> {
  const abort = new AbortController();
  response.on('close', () => abort.abort());
  const { searchParams } = new URL(request.url ?? '', 'https://localhost');
  const open = searchParams.get('unencrypted') === 'true';
  const chunks = barn.snapshot(abort.signal, { open })[Symbol.asyncIterator]();
  // What is refused at once is told with its status.
  const first = await chunks.next();
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' });
  response.flushHeaders();
  async function* all(): AsyncGenerator<Uint8Array> {
    if (first.done === true) return;
    yield first.value;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
  }
  await pipeline(all(), response);
}

function replicated(barn: Barn): ReplicatedBarn {
  if (isReplicated(barn)) return barn;
  throw new ApiError(
    'MethodNotAllowed',
    'this store has no members of its own to change: its servers keep it elsewhere (etcd has etcdctl) or in memory',
  );
}

/** A member's number from its number in hexadecimal or its name. */
async function memberOf({ barn }: Call, text: string): Promise<number> {
  const members = await barn.members();
  const id = /^[0-9a-f]{1,14}$/.test(text) ? Number.parseInt(text, 16) : undefined;
  const found = members.find((member) => member.name === text) ?? members.find((member) => member.id === id);
  if (found !== undefined) return found.id;
  const known = members.map((member) => `${member.name} (${hex(member.id)})`).join(', ');
  throw new ApiError('NotFound', `there is no member "${text}"; there are: ${known}`);
}

async function bodyOf({ request }: Call): Promise<Readonly<Record<string, unknown>>> {
  const text = (await readBody(request, bodyBytesMax)).toString('utf8');
  if (text === '') return {};
  try {
    const body: unknown = JSON.parse(text);
    if (isRecord(body)) return body;
  } catch {
    // Told below, like every other body that is no object.
  }
  throw new ApiError('BadRequest', 'the body must be a JSON object');
}

function shown({ id, name, peerUrl, clientUrl, voter }: Member) {
  const urls = (url: string): string[] => (url === '' ? [] : [url]);
  return { id: hex(id), name, peerURLs: urls(peerUrl), clientURLs: urls(clientUrl), isLearner: !voter };
}

function shownAlarm({ kind, member }: BarnAlarm) {
  return { alarm: kind, memberId: hex(member) };
}

function hex(id: number): string {
  return id.toString(16);
}
