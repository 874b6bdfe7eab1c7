// The verbs over HTTP: body and query in, an object in the form that the client takes out.
import { ApiError, apiVersionOf, kinds, listKindOf, notFound, type Unstructured } from '../../apis/index.ts';
import { forbiddenError } from '../auth/attributes.ts';
import { seesOnlyMetadata } from '../auth/authorise.ts';
import { isRecord } from '../json.ts';
import { apply } from '../registry/apply.ts';
import { bind } from '../registry/binding.ts';
import { getContent, putContent } from '../registry/bundle.ts';
import { create } from '../registry/create.ts';
import { type DeleteOptions, remove } from '../registry/delete.ts';
import { evict, readEviction } from '../registry/eviction.ts';
import { StaleDefinition } from '../registry/fence.ts';
import { reportDuplicates } from '../registry/fields.ts';
import { list } from '../registry/list.ts';
import { badPatch, patch, patchTypeOf } from '../registry/patch.ts';
import type { Target, WriteOptions } from '../registry/registry.ts';
import { update } from '../registry/update.ts';
import { isReview } from '../reviews/kinds.ts';
import { parsePatch } from '../schema/parse.ts';
import { parseConfiguration } from './apply-body.ts';
import { readBody } from './body.ts';
import { type Call, fenceOfCall, jsonBody, optionalBody, optionsOf } from './call.ts';
import { type LogCall, serveLog, serveProgress } from './logs.ts';
import { mediaTypeOf, negotiate } from './negotiate.ts';
import { deleteOptions, patchForce } from './options.ts';
import { servePodLog } from './pod-log.ts';
import { listMetadata, objectIn, serveList, serveObject } from './reading.ts';
import { listOptions } from './reading-options.ts';
import { afterWrite, sendJson } from './respond.ts';
import { serveReview } from './reviewing.ts';
import { serveScale } from './scale.ts';
import { visible } from './shown.ts';
import { serveWatch } from './watching.ts';

/** Answers one authorised request about a resource. Errors: as the verbs of the registry. */
export async function serveResource(call: Call): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await serveVerb(call);
    } catch (error) {
      if (!(error instanceof StaleDefinition)) throw error;
      if (attempt === definitionAttemptsMax)
        throw new ApiError('Conflict', `${error.message}; please try again`, {}, { cause: error });
      call = await byNewDefinition(call);
    }
  }
}

/** A definition that changes faster than a request is done by it: 409. */
const definitionAttemptsMax = 5;

async function byNewDefinition(call: Call): Promise<Call> {
  const { kinds: live } = call.deps;
  const { group, version, plural } = call.about.info;
  await live.catchUp();
  const info = live.table.kindOf(group, version, plural);
  if (info === undefined) throw notFound(call.about.info, call.about.name ?? '');
  call.response.removeHeader('warning');
  return { ...call, about: { ...call.about, info } };
}

async function serveVerb(call: Call): Promise<void> {
  const { about } = call;
  if (about.subresource === 'content') return serveContent(call);
  if (about.subresource === 'scale') return serveScale(call);
  switch (about.verb) {
    case 'get':
      return serveGet(call);
    case 'list':
      return serveList(call);
    case 'watch':
      return serveWatch(call);
    case 'create':
      return serveCreate(call);
    case 'update':
      return serveUpdate(call);
    case 'patch':
      return servePatch(call);
    case 'delete':
      return serveDelete(call);
    case 'deletecollection':
      return serveDeleteCollection(call);
    default:
      return about.verb satisfies never;
  }
}

async function serveGet(call: Call): Promise<void> {
  switch (call.about.subresource) {
    case 'log': {
      const serve = call.about.info === kinds.pods ? servePodLog : serveLog;
      return call.watches.run(call.about.namespace, (abort) => serve(logCall(call), abort));
    }
    case 'progress':
      return call.watches.run(call.about.namespace, (abort) => serveProgress(logCall(call), abort));
    case 'tunnel':
      throw new ApiError('BadRequest', 'the tunnel is opened by an upgrade');
    default:
  }
  return serveObject(call);
}

function logCall(call: Call): LogCall {
  const { deps, about, query, response } = call;
  return { registry: deps.registry, tunnels: deps.tunnels, target: about, query, response };
}

async function serveCreate(call: Call): Promise<void> {
  const { about, deps } = call;
  const options = await optionsOf(call, 'CreateOptions');
  const body = await jsonBody(call, options);
  if (isReview(about.info)) return serveReview(call, body, options);
  if (about.subresource === 'binding') {
    sendJson(call.response, 201, await bind(deps.registry, about, body, options));
    return;
  }
  if (about.subresource === 'eviction') return serveEviction(call, body, options);
  const made = await create(deps.registry, about, body, options);
  await furnish(call, made, options);
  sendObject(call, 201, made);
}

async function serveEviction(call: Call, body: unknown, write: WriteOptions): Promise<void> {
  const { deps, about, query, response } = call;
  const options = deleteOptions(query, readEviction(about, body).deleteOptions);
  const fenced = write.fence === undefined ? options : { ...options, fence: write.fence };
  sendJson(response, 201, await evict(deps.registry, about, fenced));
}

async function serveUpdate(call: Call): Promise<void> {
  const options = await optionsOf(call, 'UpdateOptions');
  const body = await jsonBody(call, options);
  sendObject(call, 200, await update(call.deps.registry, call.about, body, options));
}

async function servePatch(call: Call): Promise<void> {
  const options = await optionsOf(call, 'PatchOptions');
  const type = patchTypeOf(call.about, mediaTypeOf(call.request.headers['content-type']));
  const force = patchForce(call.query, type === 'apply');
  const text = (await readBody(call.request, call.deps.registry.limits.bodyBytesMax)).toString('utf8');
  if (type === 'apply') return serveApply(call, text, { ...options, force });
  const parsed = parsePatch(text, call.deps.registry.limits.depthMax);
  const strictly = (problem: string) => badPatch(parsed.value, problem);
  reportDuplicates(call.about.info, parsed.duplicates, { ...options, strictly });
  refuseMoreThanMetadata(call, parsed.value);
  sendObject(call, 200, await patch(call.deps.registry, call.about, type, parsed.value, options));
}

async function serveApply(
  call: Call,
  text: string,
  options: WriteOptions & { readonly manager: string; readonly force: boolean },
): Promise<void> {
  const { about, deps, mayCreate } = call;
  const { value, problem } = parseConfiguration(text, deps.registry.limits);
  if (problem !== undefined && options.fieldValidation === 'Strict')
    throw new ApiError('BadRequest', `error strict decoding patch: ${problem}`);
  const { object, isNew } = await apply(deps.registry, about, value, { ...options, mayCreate });
  if (problem !== undefined && options.fieldValidation === 'Warn') options.warn(problem);
  if (isNew) await furnish(call, object, options);
  sendObject(call, isNew ? 201 : 200, object);
}

async function furnish(call: Call, made: Unstructured, { dryRun }: WriteOptions): Promise<void> {
  const isHerd = call.about.info === kinds.herds || call.about.info === kinds.namespaces;
  if (isHerd && !dryRun) await afterWrite(call.deps.onHerd(made.metadata.name ?? ''));
}

// Judged on what the patch names and not on what it changes, as else a guess that changes nothing would tell a secret.
function refuseMoreThanMetadata(call: Call, body: unknown): void {
  if (!seesOnlyMetadata({ user: call.user, info: call.about.info }) || !isRecord(body)) return;
  const other = Object.keys(body).find((field) => !['apiVersion', 'kind', 'metadata'].includes(field));
  if (other === undefined) return;
  const { user, about } = call;
  throw forbiddenError({ user, ...about, fields: [] }, 'controllers change only the metadata of secrets');
}

async function serveDelete(call: Call): Promise<void> {
  const { deps, about } = call;
  const deleted = await remove(deps.registry, about, await deletion(call));
  // A pod's deletion answers with the pod, as in Kubernetes.
  if (deleted.kind === 'gone' && about.info !== kinds.pods) sendJson(call.response, 200, deleted.status);
  else sendObject(call, 200, deleted.object);
}

async function serveDeleteCollection(call: Call): Promise<void> {
  const { about, deps, query } = call;
  const options = await deletion(call);
  const listed = await list(deps.registry, deps.continueTokens, about, listOptions(query, about.info));
  const items: Unstructured[] = [];
  for (const { object } of listed.items) {
    const target: Target = { ...about, name: object.metadata.name ?? '' };
    const removing = removeIfThere(call, target, options);
    const deleted = await (items.length === 0 ? removing : afterWrite(removing));
    if (deleted !== undefined) items.push(visible(call, deleted));
  }
  const { info } = about;
  const metadata = listMetadata(info, 'object', listed);
  sendJson(call.response, 200, { kind: listKindOf(info), apiVersion: apiVersionOf(info), metadata, items });
}

async function removeIfThere(call: Call, target: Target, options: DeleteOptions) {
  try {
    return (await remove(call.deps.registry, target, options)).object;
  } catch (error) {
    // Somebody else was faster: it is as gone as was wanted.
    if (error instanceof ApiError && error.reason === 'NotFound') return undefined;
    throw error;
  }
}

async function serveContent(call: Call): Promise<void> {
  const { about, deps, response } = call;
  if (about.verb === 'get') {
    const bytes = await getContent(deps.registry, about);
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes.length });
    response.end(bytes);
    return;
  }
  if (about.verb !== 'update') throw notAllowed();
  const bytes = await readBody(call.request, deps.registry.limits.bodyBytesMax);
  await putContent(deps.registry, about, bytes, await fenceOfCall(call));
  sendJson(response, 200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 200 });
}

async function deletion(call: Call): Promise<DeleteOptions> {
  const options = deleteOptions(call.query, await optionalBody(call));
  const fence = await fenceOfCall(call);
  return fence === undefined ? options : { ...options, fence };
}

function sendObject(call: Call, code: number, object: Unstructured): void {
  const form = negotiate(call.request.headers.accept);
  sendJson(call.response, code, objectIn(call, visible(call, object), form));
}

function notAllowed(): ApiError {
  return new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
}
