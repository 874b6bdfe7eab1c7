// Paths that are about no resource: discovery, versions, health, OpenAPI.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../../base/index.ts';
import { aggregated, coreVersions, group, groupList, groupPaths, resourceList } from '../discovery/discovery.ts';
import {
  type Document,
  type DocumentsOfKinds,
  documentOf,
  openApiDocuments,
  wantsProtobuf,
} from '../discovery/openapi-documents.ts';
import { rootOf } from '../discovery/openapi-schema.ts';
import type { LiveKinds } from '../kinds/live-kinds.ts';
import { sendJson, sendText } from './respond.ts';

/** What paths without a resource tell of. */
export interface PathDeps {
  /** HOST:PORT as told to clients. */
  readonly address: () => string;
  readonly kinds: LiveKinds;
  readonly version: string;
  readonly log: Log;
  /** What must hold for the server to be ready: a name and a check that throws. */
  readonly readiness: readonly { readonly name: string; readonly check: () => Promise<void> }[];
}

type ServePath = (path: string, request: IncomingMessage, response: ServerResponse) => Promise<boolean> | boolean;

/** Serves the paths; false for any other. */
export function pathServer(deps: PathDeps): ServePath {
  const { table } = deps.kinds;
  let made: { readonly generation: number; readonly documents: DocumentsOfKinds } | undefined;
  const documents = async (): Promise<DocumentsOfKinds> => {
    await deps.kinds.catchUp();
    const { generation } = table;
    if (made?.generation !== generation)
      made = { generation, documents: openApiDocuments(table.all(), deps.version, made?.documents) };
    return made.documents;
  };
  return async (path, request, response) => {
    const parts = path.split('/').slice(1);
    switch (parts[0]) {
      case '':
        await deps.kinds.catchUp();
        return answer(response, { paths: rootPaths(deps) });
      case 'api':
      case 'apis':
        return serveDiscovery(deps, parts, request, response);
      case 'openapi': {
        if (parts[1] === 'v2' && parts.length === 2) {
          const form = wantsProtobuf(request.headers.accept ?? '') ? 'protobuf' : 'json';
          return sendDocument((await documents()).v2(form), request, response);
        }
        if (parts[1] !== 'v3') return false;
        return serveOpenApiV3(await documents(), parts.slice(2).join('/'), request, response);
      }
      case 'version':
        return parts.length === 1 && answer(response, versionBody(deps.version));
      case 'healthz':
      case 'livez':
      case 'readyz':
        return parts.length <= 2 && serveHealth(deps, parts[0], parts[1], request, response);
      default:
        return false;
    }
  };
}

function rootPaths({ kinds, readiness }: PathDeps): readonly string[] {
  const infos = kinds.table.all();
  const checks = ['ping', ...readiness.map(({ name }) => name)];
  return [
    '/api',
    '/api/v1',
    '/apis',
    '/apis/',
    ...groupPaths(infos),
    '/healthz',
    ...checks.map((name) => `/healthz/${name}`),
    '/livez',
    '/livez/ping',
    '/metrics',
    '/openapi/v2',
    '/openapi/v3',
    ...new Set(infos.map((info) => `/openapi/v3/${rootOf(info)}`)),
    '/readyz',
    ...checks.map((name) => `/readyz/${name}`),
    '/version',
  ].sort();
}

function answer(response: ServerResponse, body: unknown): boolean {
  if (body === undefined) return false;
  sendJson(response, 200, body);
  return true;
}

function serveOpenApiV3(
  documents: DocumentsOfKinds,
  root: string,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (root === '') return sendDocument(jsonDocument(documents.v3Index()), request, response);
  const document = documents.v3(root);
  if (document === undefined) return false;
  // The address of a document names its hash, so what it gave stays true: an old address leads to the new one.
  const wanted = new URLSearchParams(request.url?.split('?')[1]).get('hash');
  const hash = document.etag.replaceAll('"', '');
  if (wanted === null || wanted === hash) return sendDocument(document, request, response);
  response.writeHead(301, { location: `/openapi/v3/${root}?hash=${hash}`, 'cache-control': 'no-cache, private' });
  response.end();
  return true;
}

function jsonDocument(body: unknown, as = ''): Document {
  return documentOf(Buffer.from(`${JSON.stringify(body)}\n`), `application/json${as}`);
}

function sendDocument(document: Document | undefined, request: IncomingMessage, response: ServerResponse): boolean {
  if (document === undefined) return false;
  const isKnown = request.headers['if-none-match'] === document.etag;
  const isHashed = /[?&]hash=[0-9A-F]{64}(&|$)/.test(request.url ?? '');
  response.writeHead(isKnown ? 304 : 200, {
    etag: document.etag,
    vary: 'Accept',
    'cache-control': isHashed ? 'public, immutable' : 'no-cache, private',
    ...(isKnown ? {} : { 'content-type': document.type, 'content-length': document.bytes.length }),
  });
  response.end(isKnown ? undefined : document.bytes);
  return true;
}

async function serveDiscovery(
  deps: PathDeps,
  parts: readonly string[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const version = parts.length === 1 ? aggregatedVersion(request.headers.accept ?? '') : undefined;
  // Whoever was told that a kind is served may ask another server for it.
  await deps.kinds.catchUp();
  const body = discoveryBody(deps, parts, version);
  if (body === undefined) return false;
  const as = version === undefined ? '' : `;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
  return sendDocument(jsonDocument(body, as), request, response);
}

function discoveryBody(
  deps: PathDeps,
  [root, name = '', version = '', ...more]: readonly string[],
  form: 'v2' | 'v2beta1' | undefined,
): unknown {
  const kinds = deps.kinds.table.all();
  const isCore = root === 'api';
  if (name === '') {
    if (form !== undefined) return aggregated(kinds, isCore, form);
    return isCore ? coreVersions(deps.address()) : groupList(kinds);
  }
  if (more.length > 0) return undefined;
  if (isCore) return version === '' ? resourceList(kinds, '', name) : undefined;
  return version === '' ? group(kinds, name) : resourceList(kinds, name, version);
}

function aggregatedVersion(accept: string): 'v2' | 'v2beta1' | undefined {
  for (const range of accept.replace(/\s/g, '').split(',')) {
    if (!range.includes('as=APIGroupDiscoveryList')) continue;
    const version = /;v=(v2beta1|v2)(;|$)/.exec(range)?.[1];
    if (version === 'v2' || version === 'v2beta1') return version;
  }
  return undefined;
}

// Our minor version says which Kubernetes' API conventions we follow, so that kubectl finds no skew.
function versionBody(version: string) {
  return {
    major: '1',
    minor: '35',
    gitVersion: `v1.35.0+runink-${version}`,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: 'node',
    platform: 'linux/amd64',
  };
}

/** A check: undefined when all is well, else what went wrong. */
async function trouble(check: () => Promise<void>): Promise<{ readonly cause: unknown } | undefined> {
  try {
    await check();
    return undefined;
  } catch (cause) {
    return { cause };
  }
}

async function serveHealth(
  deps: PathDeps,
  name: string | undefined,
  only: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const all = [{ name: 'ping', check: () => Promise.resolve() }, ...(name === 'livez' ? [] : deps.readiness)];
  const checks = only === undefined ? all : all.filter((check) => check.name === only);
  if (checks.length === 0) return false;
  const query = new URLSearchParams(request.url?.split('?')[1]);
  const left = new Set(only === undefined ? query.getAll('exclude') : []);
  const lines: string[] = [];
  let isWell = true;
  for (const { name: what, check } of checks) {
    const found = left.has(what) ? undefined : await trouble(check);
    if (found === undefined) lines.push(left.has(what) ? `[+]${what} excluded: ok` : `[+]${what} ok`);
    else {
      // The answer names only which.
      deps.log.warn('not ready', { check: what, cause: String(found.cause) });
      isWell = false;
      lines.push(`[-]${what} failed: reason withheld`);
    }
  }
  const summary = `${name ?? ''} check ${isWell ? 'passed' : 'failed'}\n`;
  if (isWell) sendText(response, 200, query.has('verbose') ? `${lines.join('\n')}\n${summary}` : 'ok');
  else sendText(response, 500, `${lines.join('\n')}\n${summary}`);
  return true;
}
