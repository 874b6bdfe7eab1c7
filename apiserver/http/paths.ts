// Paths that are about no resource: discovery, versions, health, OpenAPI.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { kindInfos } from '../../apis/index.ts';
import type { Log } from '../../base/index.ts';
import { aggregated, coreVersions, group, groupList, resourceList } from '../discovery/discovery.ts';
import { type Document, openApiDocuments, wantsProtobuf } from '../discovery/openapi-documents.ts';
import { sendJson, sendText } from './respond.ts';

/** What paths without a resource tell of. */
export interface PathDeps {
  /** HOST:PORT as told to clients. */
  readonly address: () => string;
  readonly version: string;
  readonly log: Log;
  /** What must hold for the server to be ready: a name and a check that throws. */
  readonly readiness: readonly { readonly name: string; readonly check: () => Promise<void> }[];
}

type ServePath = (path: string, request: IncomingMessage, response: ServerResponse) => Promise<boolean> | boolean;

/** Serves the paths; false for any other. */
export function pathServer(deps: PathDeps): ServePath {
  const documents = openApiDocuments(kindInfos, deps.version);
  return (path, request, response) => {
    const parts = path.split('/').slice(1);
    switch (parts[0]) {
      case '':
        return answer(response, { paths: rootPaths });
      case 'api':
      case 'apis':
        return serveDiscovery(deps, parts, request, response);
      case 'openapi': {
        if (parts[1] === 'v2' && parts.length === 2) {
          const form = wantsProtobuf(request.headers.accept ?? '') ? 'protobuf' : 'json';
          return sendDocument(documents.v2(form), request, response);
        }
        if (parts[1] !== 'v3') return false;
        if (parts.length === 2) return answer(response, documents.v3Index());
        return sendDocument(documents.v3(parts.slice(2).join('/')), request, response);
      }
      case 'version':
        return parts.length === 1 && answer(response, versionBody(deps.version));
      case 'healthz':
      case 'livez':
      case 'readyz':
        return parts.length === 1 && serveHealth(deps, parts[0], request, response);
      default:
        return false;
    }
  };
}

const rootPaths = [
  '/api',
  '/api/v1',
  '/apis',
  ...[...new Set(kindInfos.map((info) => info.group))]
    .filter((name) => name !== '')
    .flatMap((name) => [`/apis/${name}`, `/apis/${name}/v1`]),
  '/healthz',
  '/livez',
  '/metrics',
  '/openapi/v2',
  '/openapi/v3',
  '/readyz',
  '/version',
];

function answer(response: ServerResponse, body: unknown): boolean {
  if (body === undefined) return false;
  sendJson(response, 200, body);
  return true;
}

function sendDocument(document: Document | undefined, request: IncomingMessage, response: ServerResponse): boolean {
  if (document === undefined) return false;
  const isKnown = request.headers['if-none-match'] === document.etag;
  // The address of a v3 document names its hash, so what it gave stays true.
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

function serveDiscovery(
  deps: PathDeps,
  parts: readonly string[],
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const isCore = parts[0] === 'api';
  const accept = request.headers.accept ?? '';
  if (parts.length === 1) {
    response.setHeader('vary', 'Accept');
    const version = aggregatedVersion(accept);
    if (version !== undefined) {
      response.setHeader(
        'content-type',
        `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
      );
      return answer(response, aggregated(kindInfos, isCore, version));
    }
    return answer(response, isCore ? coreVersions(deps.address()) : groupList(kindInfos));
  }
  if (isCore) return parts.length === 2 && answer(response, resourceList(kindInfos, '', parts[1] ?? ''));
  if (parts.length === 2) return answer(response, group(kindInfos, parts[1] ?? ''));
  return parts.length === 3 && answer(response, resourceList(kindInfos, parts[1] ?? '', parts[2] ?? ''));
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

async function serveHealth(
  deps: PathDeps,
  name: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const lines: string[] = ['[+]ping ok'];
  let isWell = true;
  if (name !== 'livez') {
    for (const { name: what, check } of deps.readiness) {
      try {
        await check();
        lines.push(`[+]${what} ok`);
      } catch (cause) {
        // The answer names only which.
        deps.log.warn('not ready', { check: what, cause: String(cause) });
        isWell = false;
        lines.push(`[-]${what} failed`);
      }
    }
  }
  const isVerbose = /[?&]verbose(=|&|$)/.test(request.url ?? '');
  const summary = `${name ?? ''} check ${isWell ? 'passed' : 'failed'}\n`;
  if (isWell) sendText(response, 200, isVerbose ? `${lines.join('\n')}\n${summary}` : 'ok');
  else sendText(response, 500, `${lines.join('\n')}\n${summary}`);
  return true;
}
