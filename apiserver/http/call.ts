// One request, and what its body and query say.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError, fenceHeader } from '../../apis/index.ts';
import { nodeGuard } from '../auth/node-guard.ts';
import type { User } from '../auth/user.ts';
import { fenceOf, type KeyedFence } from '../registry/fence.ts';
import { reportDuplicates } from '../registry/fields.ts';
import type { WriteOptions } from '../registry/registry.ts';
import { parseBody } from '../schema/parse.ts';
import { parseYamlBody } from '../schema/parse-yaml.ts';
import type { AppDeps, Watches } from './app.ts';
import { yamlMediaType } from './bodies.ts';
import { readBody } from './body.ts';
import { mediaTypeOf } from './negotiate.ts';
import { writeOptions } from './options.ts';
import { decodeProtobuf, protobufMediaType } from './protobuf.ts';
import type { ResourceRequest } from './request-info.ts';

/** One request for a resource, authenticated and authorised. */
export interface Call {
  readonly deps: AppDeps;
  readonly watches: Watches;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly user: User;
  readonly about: ResourceRequest;
  /** Rejects when the user may not create what the request is about. */
  readonly mayCreate: () => Promise<void>;
}

/** How a write of the call is done, with what its user may write. */
export async function optionsOf(call: Call, kind: string): Promise<WriteOptions & { readonly manager: string }> {
  const guard = nodeGuard(call.user, call.about);
  const options = writeOptions(call.query, kind, call.request.headers['user-agent'], (message) => {
    const text = message.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&');
    call.response.appendHeader('warning', `299 - "${text}"`);
  });
  const fence = await fenceOfCall(call);
  return { ...options, ...(guard === undefined ? {} : { guard }), ...(fence === undefined ? {} : { fence }) };
}

/** The fence that the call names. */
export function fenceOfCall({ deps, request }: Call): Promise<KeyedFence | undefined> {
  return fenceOf(deps.registry, request.headers[fenceHeader]?.toString());
}

/** The body of a create or update. Errors: UnsupportedMediaType, BadRequest, RequestEntityTooLarge. */
export async function jsonBody(call: Call, options: WriteOptions): Promise<unknown> {
  const { registry } = call.deps;
  const type = mediaTypeOf(call.request.headers['content-type']);
  if (type !== 'application/json' && type !== yamlMediaType && type !== protobufMediaType && type !== '') {
    throw new ApiError(
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: application/json, ${yamlMediaType}, ${protobufMediaType}`,
    );
  }
  const bytes = await readBody(call.request, registry.limits.bodyBytesMax);
  if (type === protobufMediaType) return decodeProtobuf(bytes);
  const parse = type === yamlMediaType ? parseYamlBody : parseBody;
  const parsed = parse(bytes.toString('utf8'), call.about.info.kind, registry.limits.depthMax);
  reportDuplicates(call.about.info, parsed.duplicates, options);
  return parsed.value;
}

/** The body of a delete, or undefined. */
export async function optionalBody(call: Call): Promise<unknown> {
  const { registry } = call.deps;
  const bytes = await readBody(call.request, registry.limits.bodyBytesMax);
  if (bytes.length === 0) return undefined;
  if (mediaTypeOf(call.request.headers['content-type']) === protobufMediaType) return decodeProtobuf(bytes);
  return parseBody(bytes.toString('utf8'), 'DeleteOptions', registry.limits.depthMax).value;
}
