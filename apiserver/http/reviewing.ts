import { type JsonRecord, recordOf } from '../json.ts';
import { reportFields } from '../registry/fields.ts';
import { withOwners } from '../registry/owners.ts';
import type { WriteOptions } from '../registry/registry.ts';
import { answerReview } from '../reviews/answer.ts';
import { reviews } from '../reviews/kinds.ts';
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
  const answer = await answerReview(question, known);
  sendJson(response, 201, withOwnersOf(call, question.body, answer, options));
}

// Kubernetes tells who wrote the question too; rules and oneself are answered by an object of the server's own.
function withOwnersOf(call: Call, question: JsonRecord, answer: JsonRecord, options: WriteOptions): JsonRecord {
  const { about, deps } = call;
  if (about.info === reviews.selfSubject || about.info === reviews.selfSubjectRules) return answer;
  const metadata = recordOf(question.metadata);
  const asked = { ...question, metadata };
  const { managedFields } = withOwners(
    deps.registry,
    about,
    undefined,
    asked,
    metadata.managedFields,
    options,
  ).metadata;
  const owners = managedFields?.map(withoutSpecItself);
  return {
    ...answer,
    metadata: { ...recordOf(answer.metadata), ...(owners === undefined ? {} : { managedFields: owners }) },
  };
}

// The spec of Kubernetes' own kinds is no field that could be absent.
function withoutSpecItself(entry: JsonRecord): JsonRecord {
  const fields = recordOf(entry.fieldsV1);
  const { '.': _itself, ...spec } = recordOf(fields['f:spec']);
  return { ...entry, fieldsV1: { ...fields, 'f:spec': spec } };
}
