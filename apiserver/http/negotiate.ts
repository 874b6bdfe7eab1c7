// Which form of an answer a client takes (https://kubernetes.io/docs/reference/using-api/api-concepts/).
import { ApiError } from '../../apis/index.ts';
import { protobufMediaType } from './protobuf.ts';

/** The form in which objects are given: whole, as a Table, or metadata only. */
export type Form = 'object' | 'table' | 'partial';

const metaGroup = 'meta.k8s.io';

/** A form, and the media type that carries it. */
export interface Answer {
  readonly form: Form;
  readonly encoding: 'json' | 'yaml';
}

const plainAnswer: Answer = { form: 'object', encoding: 'json' };

/** The first answer in an Accept header that we have. Errors: NotAcceptable. */
export function negotiateAnswer(accept: string | undefined): Answer {
  if (accept === undefined || accept.trim() === '') return plainAnswer;
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const encoding = encodingOf(type.toLowerCase());
    if (encoding === undefined) continue;
    const options = new Map(parameters.map((parameter): [string, string] => pair(parameter)));
    const as = options.get('as');
    if (as === undefined) return { form: 'object', encoding };
    if (options.get('g') !== metaGroup || options.get('v') !== 'v1') continue;
    if (as === 'Table') return { form: 'table', encoding };
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return { form: 'partial', encoding };
  }
  // Kubernetes' words for users' kinds, of which it gives none in protobuf either: it is taken in bodies and in errors.
  throw new ApiError(
    'NotAcceptable',
    `only the following media types are accepted: application/json, application/yaml, ${protobufMediaType}`,
  );
}

/** The form of `negotiateAnswer`. */
export function negotiate(accept: string | undefined): Form {
  return negotiateAnswer(accept).form;
}

/** The media type of a Content-Type header, without parameters, in lower case. */
export function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

function encodingOf(type: string): Answer['encoding'] | undefined {
  switch (type) {
    case 'application/json':
    case '*/*':
    case 'application/*':
      return 'json';
    case 'application/yaml':
      return 'yaml';
    default:
      return undefined;
  }
}

function pair(parameter: string): [string, string] {
  const at = parameter.indexOf('=');
  return at < 0 ? [parameter, ''] : [parameter.slice(0, at), parameter.slice(at + 1)];
}
