// What tests of server-side apply share: the media types, and the owners of an object in short.
import { expect } from 'chai';
import type { Answer, Json } from './support.ts';

export const applyType = 'application/apply-patch+yaml';
export const mergeType = 'application/merge-patch+json';
export const jsonType = 'application/json-patch+json';

/** The object of an answer, which must have this code. */
export function done(answer: Answer, code = 200): Json {
  expect([answer.code, answer.body.message]).to.deep.equal([code, undefined]);
  return answer.body;
}

/** The entries of managedFields. */
export function entriesOf(object: Json): readonly Json[] {
  const entries: unknown = object.metadata?.managedFields;
  return Array.isArray(entries) ? entries : [];
}

/** `MANAGER/OPERATION[/SUBRESOURCE]` and its fields, in order. */
export function owners(object: Json): Record<string, unknown> {
  return Object.fromEntries(
    entriesOf(object).map((entry) => {
      const through = entry.subresource === undefined ? '' : `/${String(entry.subresource)}`;
      return [`${String(entry.manager)}/${String(entry.operation)}${through}`, entry.fieldsV1];
    }),
  );
}
