// The subresource scale over HTTP.
import type { Unstructured } from '../../apis/index.ts';
import { applied, patchTypeOf } from '../registry/patch.ts';
import { applyScale, readScale, writeScale } from '../registry/scale.ts';
import { parseBody } from '../schema/parse.ts';
import { parseConfiguration } from './apply-body.ts';
import { readBody } from './body.ts';
import { type Call, jsonBody, optionsOf } from './call.ts';
import { mediaTypeOf } from './negotiate.ts';
import { patchForce } from './options.ts';
import { sendJson } from './respond.ts';

/** Answers a get, update or patch of a scale. Errors: as the registry's. */
export async function serveScale(call: Call): Promise<void> {
  const { about, deps, request, response } = call;
  if (about.verb === 'get') return sendJson(response, 200, await readScale(deps.registry, about));
  if (about.verb === 'update') {
    const options = await optionsOf(call, 'UpdateOptions');
    const body = await jsonBody(call, options);
    return sendJson(response, 200, await writeScale(deps.registry, about, () => body, options));
  }
  const options = await optionsOf(call, 'PatchOptions');
  const type = patchTypeOf(about, mediaTypeOf(request.headers['content-type']));
  const force = patchForce(call.query, type === 'apply');
  const text = (await readBody(request, deps.registry.limits.bodyBytesMax)).toString('utf8');
  if (type === 'apply') {
    const { value } = parseConfiguration(text, deps.registry.limits);
    const { mayCreate } = call;
    return sendJson(response, 200, await applyScale(deps.registry, about, value, { ...options, force, mayCreate }));
  }
  const { value } = parseBody(text, 'Scale', deps.registry.limits.depthMax);
  const make = (scale: Unstructured) => applied(about, type, scale, value);
  sendJson(response, 200, await writeScale(deps.registry, about, make, options));
}
