// The verbs that read over HTTP: what of the store, in the form that the client takes.
import { apiVersionOf, type KindInfo, listKindOf, type Unstructured } from '../../apis/index.ts';
import { freshnessOfGet } from '../registry/freshness.ts';
import { type Listed, list } from '../registry/list.ts';
import { readTarget } from '../registry/registry.ts';
import { type Stored, show } from '../storage/object-store.ts';
import { type Pieces, shownBytes } from '../storage/stored-bytes.ts';
import { partialOf } from '../view/partial.ts';
import { tableFrame, tableOf, tableRow } from '../view/table.ts';
import { yamlItem, yamlOf } from '../view/yaml.ts';
import { sendPieces, sendWhole, yamlMediaType } from './bodies.ts';
import type { Call } from './call.ts';
import { type Answer, type Form, negotiateAnswer } from './negotiate.ts';
import { listOptions } from './reading-options.ts';
import { sendJson } from './respond.ts';
import { includeOf, visible } from './shown.ts';

const jsonMediaType = 'application/json';

/** Answers a get of an object as it is shown. Errors: as `readTarget`, NotAcceptable, Timeout. */
export async function serveObject(call: Call): Promise<void> {
  const { about, deps, query, response } = call;
  const answer = negotiateAnswer(call.request.headers.accept);
  const freshness = await freshnessOfGet(deps.registry, query.get('resourceVersion') ?? '');
  const stored = await readTarget(deps.registry, about, freshness);
  const bytes = isPlain(answer) ? shownBytes(about.info, stored) : undefined;
  if (bytes !== undefined) return sendWhole(response, 200, Buffer.concat([...bytes, newline]), jsonMediaType);
  const shown = visible(call, show(about.info, deps.registry.store.reveal(stored)));
  sendJson(response, 200, objectIn(call, shown, answer.form));
}

function isPlain({ form, encoding }: Answer): boolean {
  return form === 'object' && encoding === 'json';
}

/** One object in a form. */
export function objectIn(call: Call, shown: Unstructured, form: Form): unknown {
  switch (form) {
    case 'object':
      return shown;
    case 'partial':
      return partialOf(shown);
    case 'table': {
      const metadata = { resourceVersion: shown.metadata.resourceVersion };
      const nowMs = call.deps.registry.clock.now();
      return tableOf(call.about.info, [shown], { include: includeOf(call.query), nowMs, metadata, withColumns: true });
    }
    default:
      return form satisfies never;
  }
}

/** Answers a list, encoding as it goes. Errors: as `list`, NotAcceptable. */
export async function serveList(call: Call): Promise<void> {
  const { about, deps, query, response } = call;
  const { clock } = deps.registry;
  const answer = negotiateAnswer(call.request.headers.accept);
  const listed = await list(deps.registry, deps.continueTokens, about, listOptions(query, about.info));
  const metadata = listMetadata(about.info, answer.form, listed);
  const frame = frameOf(call, metadata, answer.form);
  const items = itemsIn(call, listed.items, answer);
  const isYaml = answer.encoding === 'yaml';
  const pieces = isYaml ? yamlList(frame, items) : jsonList(frame, items);
  await sendPieces(response, pieces, isYaml ? yamlMediaType : jsonMediaType, () => clock.monotonicMs());
}

/** What a list says of itself. Of users' kinds it tells also that it does not go on, as Kubernetes does. */
export function listMetadata(
  info: KindInfo,
  form: Form,
  { revision, continueToken, remaining }: Listed,
): Readonly<Record<string, unknown>> {
  const isTold = continueToken !== '' || (form === 'object' && info.definition !== undefined);
  return {
    ...(isTold ? { continue: continueToken } : {}),
    resourceVersion: String(revision),
    ...(remaining === undefined ? {} : { remainingItemCount: remaining }),
  };
}

/** A list but for its items. */
interface Frame {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly itemsField: 'items' | 'rows';
}

function frameOf(call: Call, metadata: Readonly<Record<string, unknown>>, form: Form): Frame {
  const { info } = call.about;
  switch (form) {
    case 'table':
      return { fields: tableFrame(info, metadata), itemsField: 'rows' };
    case 'partial':
      return {
        fields: { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata },
        itemsField: 'items',
      };
    case 'object':
      return {
        fields: { kind: listKindOf(info), apiVersion: apiVersionOf(info), metadata },
        itemsField: 'items',
      };
    default:
      return form satisfies never;
  }
}

/** An item: its JSON, or what is still to be encoded. */
type Item = { readonly pieces: Pieces } | { readonly value: unknown };

function* itemsIn(call: Call, listed: readonly Stored[], answer: Answer): Generator<Item> {
  const { info } = call.about;
  const { store, clock } = call.deps.registry;
  const include = answer.form === 'table' ? includeOf(call.query) : 'None';
  const nowMs = clock.now();
  for (const stored of listed) {
    const pieces = isPlain(answer) ? shownBytes(info, stored) : undefined;
    if (pieces !== undefined) {
      yield { pieces };
      continue;
    }
    const shown = visible(call, show(info, store.reveal(stored)));
    switch (answer.form) {
      case 'table':
        yield { value: tableRow(info, shown, { include, nowMs }) };
        break;
      case 'partial':
        yield { value: partialOf(shown) };
        break;
      case 'object':
        yield { value: shown };
        break;
      default:
        answer.form satisfies never;
    }
  }
}

const comma = Buffer.from(',');
const newline = Buffer.from('\n');

function* jsonList({ fields, itemsField }: Frame, items: Iterable<Item>): Generator<Uint8Array> {
  yield Buffer.from(`${JSON.stringify(fields).slice(0, -1)},"${itemsField}":[`);
  let isFirst = true;
  for (const item of items) {
    if (!isFirst) yield comma;
    isFirst = false;
    if ('pieces' in item) yield* item.pieces;
    else yield Buffer.from(JSON.stringify(item.value));
  }
  yield Buffer.from(']}\n');
}

// Fields stand in the order of their names, so some come after the items.
function* yamlList({ fields, itemsField }: Frame, items: Iterable<Item>): Generator<Uint8Array> {
  const named = Object.entries(fields);
  yield Buffer.from(yamlOf(Object.fromEntries(named.filter(([name]) => name < itemsField))));
  let isFirst = true;
  for (const item of items) {
    if (isFirst) yield Buffer.from(`${itemsField}:\n`);
    isFirst = false;
    if ('value' in item) yield Buffer.from(yamlItem(item.value));
  }
  if (isFirst) yield Buffer.from(`${itemsField}: []\n`);
  const after = named.filter(([name]) => name > itemsField);
  if (after.length > 0) yield Buffer.from(yamlOf(Object.fromEntries(after)));
}
