// The whole of HTTP: authenticate, parse, authorise, answer. Nothing is served to nobody.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import express from 'express';
import { ApiError, type KindInfo, notFound } from '../../apis/index.ts';
import type { Log } from '../../base/index.ts';
import { type Attributes, forbiddenPathError } from '../auth/attributes.ts';
import { authorise, pathAllowed } from '../auth/authorise.ts';
import type { TokenLookup } from '../auth/tokens.ts';
import { type User, wellKnownGroups } from '../auth/user.ts';
import type { LiveKinds } from '../kinds/live-kinds.ts';
import type { CertificateState } from '../pki/renewals.ts';
import type { ContinueTokens } from '../registry/continue-token.ts';
import type { Registry } from '../registry/registry.ts';
import { inTime } from '../storage/barn-health.ts';
import { nodeLookups } from '../storage/node-lookups.ts';
import type { Tunnels } from '../tunnel/tunnels.ts';
import { demanded, parseFieldSelector } from '../view/field-selector.ts';
import type { WatchHubs } from '../watch/hubs.ts';
import type { Authenticate } from './authenticate.ts';
import { isBarnPath, serveBarnAdmin } from './barn-admin.ts';
import { barnMetrics } from './barn-metrics.ts';
import { endWithHerds } from './herd-ends.ts';
import { type ApiMetrics, apiMetrics } from './metrics.ts';
import { mediaTypeOf } from './negotiate.ts';
import { parseRequest, type RequestInfo, type ResourceRequest } from './request-info.ts';
import { serveResource } from './resources.ts';
import { sendError, sendText } from './respond.ts';
import { serveUpgrade } from './upgrade.ts';
import { Watches } from './watches.ts';

export { Watches } from './watches.ts';

/** What the application works with; it closes only what says so. */
export interface AppDeps {
  readonly registry: Registry;
  readonly continueTokens: ContinueTokens;
  /** Closed by the application. */
  readonly hubs: WatchHubs;
  readonly authenticate: Authenticate;
  /** Whom a token stands for, for reviews of tokens. */
  readonly tokens: TokenLookup;
  readonly kinds: LiveKinds;
  readonly tunnels: Tunnels;
  /** For the metrics. */
  readonly certificates: () => readonly CertificateState[];
  readonly log: Log;
  /** Of the program. */
  readonly version: string;
  /** Answers paths that are about no resource (discovery, health); false when it knows none such. */
  readonly servePath: (path: string, request: IncomingMessage, response: ServerResponse) => Promise<boolean> | boolean;
  /** Called when a herd was made, to furnish it. */
  readonly onHerd: (name: string) => Promise<void>;
}

/** The running application; its owner closes it before the server. */
export interface App {
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  /** For the server's `upgrade` event. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Ends all watches and tunnels and refuses new watches. */
  close(): void;
}

/** The application as a value: give `handler` to a server. */
export function buildApp(deps: AppDeps): App {
  const { tunnels, log, registry } = deps;
  const watches = new Watches(registry.limits.watchersMax);
  const metrics = apiMetrics(() => registry.clock.monotonicMs(), {
    watches: () => watches.count,
    tunnels: () => tunnels.nodes().length,
    revision: async () => (await inTime(registry.store.barn.status(), revisionMsMax, registry.clock))?.revision,
    certificates: deps.certificates,
  });
  const ending = new AbortController();
  void endWithHerds(registry, watches, log, ending.signal);
  // By another schema objects look otherwise; a watch that went on would show them half in one, half in the other.
  const forget = deps.kinds.table.onChange(({ uid, what }) => {
    if (what !== 'other') watches.endOfDefinition(uid);
  });
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.use((request: IncomingMessage, response: ServerResponse) => {
    serve(deps, watches, metrics, request, response).catch((error: unknown) => sendError(response, error, log));
  });
  return {
    handler: app,
    upgrade: (request, socket, head) => {
      void serveUpgrade({ tunnels, log, admit: (asked) => admit(deps, asked) }, request, socket, head);
    },
    close: () => {
      ending.abort();
      forget();
      watches.close();
      deps.hubs.close();
      tunnels.close();
    },
  };
}

async function admit(deps: AppDeps, request: IncomingMessage): Promise<RequestInfo> {
  const user = deps.authenticate(request);
  const { path, query } = targetOf(request);
  const about = await requestInfo(deps, request, path, query);
  if (about.kind === 'resource') await authorise(attributesOf(user, about, query, request), nodeLookups(deps.registry));
  return about;
}

async function serve(
  deps: AppDeps,
  watches: Watches,
  metrics: ApiMetrics,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { registry } = deps;
  const user = deps.authenticate(request);
  const { path, query } = targetOf(request);
  const about = await requestInfo(deps, request, path, query);
  const end = metrics.begin(about.kind === 'resource' ? about : undefined, query.get('dryRun') === 'All');
  response.once('close', () => end(response.statusCode));
  if (about.kind !== 'resource') checkPath(user, path, about, request);
  switch (about.kind) {
    case 'unknown':
      return sendText(response, 404, notFoundText);
    case 'noSubresource':
      throw notFound(about.info, about.name);
    case 'unnamed':
      throw new ApiError('BadRequest', 'name must be provided');
    case 'notAllowed':
      throw new ApiError('MethodNotAllowed', notAllowedText(about.info), {});
    case 'path':
      if (isBarnPath(about.path))
        return serveBarnAdmin(
          { barn: registry.store.barn, version: deps.version, clock: registry.clock },
          user,
          about.path,
          request,
          response,
        );
      if (request.method !== 'GET' && request.method !== 'HEAD') return sendText(response, 404, notFoundText);
      if (about.path === '/metrics') return serveMetrics(metrics, registry, response);
      if (!(await deps.servePath(about.path, request, response))) sendText(response, 404, notFoundText);
      return;
    case 'resource': {
      const attributes = attributesOf(user, about, query, request);
      await authorise(attributes, nodeLookups(deps.registry));
      const mayCreate = () => authorise({ ...attributes, verb: 'create' }, nodeLookups(deps.registry));
      if (about.info.deprecation !== undefined)
        response.appendHeader('warning', `299 - "${about.info.deprecation.replace(/["\\\\]/g, '\\\\$&')}"`);
      return serveResource({ deps, watches, request, response, query, user, about, mayCreate });
    }
    default:
      return about satisfies never;
  }
}

// What is no path at all is nobody's either, but who is known is told so; else a wrong URL would read like a lack of rights.
function checkPath(user: User, path: string, about: RequestInfo, request: IncomingMessage): void {
  const verb = (request.method ?? '').toLowerCase();
  const isFree = about.kind === 'path' ? pathAllowed(user, verb, about.path) : isKnown(user);
  if (!isFree) throw forbiddenPathError(user, verb, path);
}

function isKnown({ groups }: User): boolean {
  return groups.includes(wellKnownGroups.authenticated) || groups.includes(wellKnownGroups.masters);
}

// What is not here may have been defined at another server a moment ago.
async function requestInfo(
  { kinds: live }: AppDeps,
  request: IncomingMessage,
  path: string,
  query: URLSearchParams,
): Promise<RequestInfo> {
  const parse = (): RequestInfo => parseRequest(request.method ?? '', path, query, (...of) => live.table.kindOf(...of));
  const about = parse();
  if (about.kind !== 'unknown' || !path.startsWith('/apis/')) return about;
  await live.catchUp();
  return parse();
}

/** For one line of the metrics no more time is lost. */
const revisionMsMax = 1_000;
const notFoundText = '404 page not found\n';

function notAllowedText(info: KindInfo | undefined): string {
  const text = 'the server does not allow this method on the requested resource';
  return info?.projectionOf === undefined
    ? text
    : `${text}: ${info.plural} show ${info.projectionOf.toLowerCase()}s and are not written`;
}

async function serveMetrics(metrics: ApiMetrics, { store, clock }: Registry, response: ServerResponse): Promise<void> {
  const [{ type, text }, ofBarn] = await Promise.all([metrics.text(), barnMetrics(store.barn, clock)]);
  response.setHeader('content-type', type);
  sendText(response, 200, `${text}${ofBarn}`);
}

function targetOf(request: IncomingMessage): { readonly path: string; readonly query: URLSearchParams } {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  return mark < 0
    ? { path: url, query: new URLSearchParams() }
    : { path: url.slice(0, mark), query: new URLSearchParams(url.slice(mark + 1)) };
}

function attributesOf(
  user: User,
  about: ResourceRequest,
  query: URLSearchParams,
  request: IncomingMessage,
): Attributes {
  const selects = about.verb === 'list' || about.verb === 'watch' || about.verb === 'deletecollection';
  const fields = selects ? parseFieldSelector(query.get('fieldSelector') ?? '', about.info) : [];
  // A list of one name is judged by that name, as in Kubernetes.
  const name = about.name ?? demanded(fields, 'metadata.name');
  return {
    user,
    verb: about.verb,
    info: about.info,
    fields,
    ...(about.subresource === undefined ? {} : { subresource: about.subresource }),
    ...(about.namespace === undefined ? {} : { namespace: about.namespace }),
    ...(name === undefined ? {} : { name }),
    mediaType: mediaTypeOf(request.headers['content-type']),
  };
}
