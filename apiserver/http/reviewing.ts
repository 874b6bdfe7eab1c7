import { recordOf } from '../json.ts';
import { reportFields } from '../registry/fields.ts';
import type { WriteOptions } from '../registry/registry.ts';
import { answerReview } from '../reviews/answer.ts';
import { checkKind, rootSchema } from '../schema/admit.ts';
import { invalidError } from '../schema/causes.ts';
import { walk } from '../schema/walker.ts';
import { nodeLookups } from '../storage/node-lookups.ts';
import type { Call } from './call.ts';
import { sendJson } from './respond.ts';

/** Answers a review, which is kept nowhere. Errors: as `answerReview`, and Invalid for what its schema refuses. */
export async function serveReview(call: Call, value: unknown, options: WriteOptions): Promise<void> {
  const { about, deps, user, response } = call;
  const { info, namespace } = about;
  const walked = walk(rootSchema(info), checkKind(info, value));
  reportFields(info, walked.unknownFields, options);
  if (walked.causes.length > 0) throw invalidError(info, '', walked.causes);
  const question = { user, info, body: recordOf(walked.value), ...(namespace === undefined ? {} : { namespace }) };
  const { registry, tokens } = deps;
  const known = { lookups: nodeLookups(registry), tokens, served: deps.kinds.table.all(), nowMs: registry.clock.now() };
  sendJson(response, 201, await answerReview(question, known));
}
