// The published bytes of OpenAPI: made at the first request, kept, and named by their hash.
import { createHash } from 'node:crypto';
import type { KindInfo } from '../../apis/index.ts';
import { openApiV2, openApiV3 } from './openapi.ts';
import { encodeOpenApi } from './openapi-proto.ts';

/** A document as it is sent. */
export interface Document {
  readonly bytes: Uint8Array;
  readonly type: string;
  /** Quoted, as a header has it. */
  readonly etag: string;
}

/** The published schemas of all kinds, made once from the table of kinds. */
export interface OpenApiDocuments {
  v2(form: 'json' | 'protobuf'): Document;
  /** `/openapi/v3`: where each document is, with its hash. */
  v3Index(): unknown;
  /** The document of `apis/runink.io/v1`, or undefined. */
  v3(root: string): Document | undefined;
}

// Asked for with @ before the version, which is no media type; answered with a dot, as Kubernetes does.
const protobufType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/** Documents of kinds that do not change while the server runs. */
export function openApiDocuments(infos: readonly KindInfo[], version: string): OpenApiDocuments {
  const kept = new Map<string, Document>();
  const make = (name: string, type: string, bytes: () => Uint8Array): Document => {
    let document = kept.get(name);
    if (document === undefined) {
      const made = bytes();
      document = { bytes: made, type, etag: `"${createHash('sha256').update(made).digest('hex').toUpperCase()}"` };
      kept.set(name, document);
    }
    return document;
  };
  const sources = openApiV3(infos, version);
  const v3 = (root: string): Document | undefined => {
    const source = sources.get(root);
    return source === undefined ? undefined : make(root, 'application/json', () => jsonBytes(source));
  };
  return {
    v2: (form) =>
      form === 'json'
        ? make('v2', 'application/json', () => jsonBytes(openApiV2(infos, version)))
        : make('v2.proto', protobufType, () => encodeOpenApi(openApiV2(infos, version))),
    v3,
    v3Index: () => ({
      paths: Object.fromEntries(
        [...sources.keys()].map((root) => {
          const hash = v3(root)?.etag.replaceAll('"', '') ?? '';
          return [root, { serverRelativeURL: `/openapi/v3/${root}?hash=${hash}` }];
        }),
      ),
    }),
  };
}

/** Whether an Accept header asks for the protobuf form of v2. */
export function wantsProtobuf(accept: string): boolean {
  return accept.includes('proto-openapi.spec.v2@v1.0+protobuf');
}

function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
