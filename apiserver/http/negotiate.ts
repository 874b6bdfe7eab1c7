// Which form of an answer a client takes (https://kubernetes.io/docs/reference/using-api/api-concepts/).
import { ApiError } from '../../apis/index.ts';

/** The form in which objects are given: whole, as a Table, or metadata only. */
export type Form = 'object' | 'table' | 'partial';

const metaGroup = 'meta.k8s.io';

/** The first form in an Accept header that we have. Errors: NotAcceptable. */
export function negotiate(accept: string | undefined): Form {
  if (accept === undefined || accept.trim() === '') return 'object';
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    if (!isJson(type.toLowerCase())) continue;
    const options = new Map(parameters.map((parameter): [string, string] => pair(parameter)));
    const as = options.get('as');
    if (as === undefined) return 'object';
    if (options.get('g') !== metaGroup || options.get('v') !== 'v1') continue;
    if (as === 'Table') return 'table';
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return 'partial';
  }
  throw new ApiError('NotAcceptable', 'only the following media types are accepted: application/json');
}

/** The media type of a Content-Type header, without parameters, in lower case. */
export function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

function isJson(type: string): boolean {
  return type === 'application/json' || type === '*/*' || type === 'application/*';
}

function pair(parameter: string): [string, string] {
  const at = parameter.indexOf('=');
  return at < 0 ? [parameter, ''] : [parameter.slice(0, at), parameter.slice(at + 1)];
}
