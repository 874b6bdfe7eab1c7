// The published bytes of OpenAPI and discovery: made at the first request after the kinds changed, kept, and named by their
// hash.
import { createHash } from 'node:crypto';
import type { KindInfo } from '../../apis/index.ts';
import { openApiV2, openApiV3 } from './openapi.ts';
import { encodeOpenApi } from './openapi-proto.ts';
import { rootOf } from './openapi-schema.ts';

/** A document as it is sent. */
export interface Document {
  readonly bytes: Uint8Array;
  readonly type: string;
  /** Quoted, as a header has it. */
  readonly etag: string;
}

/** The published schemas of all kinds. */
export interface OpenApiDocuments {
  v2(form: 'json' | 'protobuf'): Document;
  /** `/openapi/v3`: where each document is, with its hash. */
  v3Index(): unknown;
  /** The document of `apis/runink.io/v1`, or undefined. */
  v3(root: string): Document | undefined;
}

// Asked for with @ before the version, which is no media type; answered with a dot, as Kubernetes does.
const protobufType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/** Documents of these kinds, each made when it is first asked for; `former` gives those of roots that have the same kinds. */
export function openApiDocuments(
  infos: readonly KindInfo[],
  version: string,
  former?: DocumentsOfKinds,
): DocumentsOfKinds {
  return new DocumentsOfKinds(infos, version, former);
}

/** Documents that remember what they were made of. */
export class DocumentsOfKinds implements OpenApiDocuments {
  readonly #infos: readonly KindInfo[];
  readonly #version: string;
  readonly #byRoot = new Map<string, { readonly infos: readonly KindInfo[]; document?: Document }>();
  readonly #v2 = new Map<string, Document>();

  constructor(infos: readonly KindInfo[], version: string, former: DocumentsOfKinds | undefined) {
    this.#infos = infos;
    this.#version = version;
    for (const root of new Set(infos.map(rootOf))) {
      const own = infos.filter((info) => rootOf(info) === root);
      const before = former === undefined ? undefined : former.#byRoot.get(root);
      const isSame = before?.infos.length === own.length && own.every((info, index) => info === before.infos[index]);
      this.#byRoot.set(root, isSame && before !== undefined ? before : { infos: own });
    }
  }

  v2(form: 'json' | 'protobuf'): Document {
    let document = this.#v2.get(form);
    if (document === undefined) {
      const source = openApiV2(this.#infos, this.#version);
      document =
        form === 'json'
          ? documentOf(jsonBytes(source), 'application/json')
          : documentOf(encodeOpenApi(source), protobufType);
      this.#v2.set(form, document);
    }
    return document;
  }

  v3(root: string): Document | undefined {
    const own = this.#byRoot.get(root);
    if (own === undefined) return undefined;
    const source = () => openApiV3(own.infos, this.#version).get(root) ?? {};
    own.document ??= documentOf(jsonBytes(source()), 'application/json');
    return own.document;
  }

  v3Index(): unknown {
    const paths = [...this.#byRoot.keys()].map((root) => {
      const hash = this.v3(root)?.etag.replaceAll('"', '') ?? '';
      return [root, { serverRelativeURL: `/openapi/v3/${root}?hash=${hash}` }] as const;
    });
    return { paths: Object.fromEntries(paths) };
  }
}

/** Bytes with the name that their hash gives them. */
export function documentOf(bytes: Uint8Array, type: string): Document {
  return { bytes, type, etag: `"${createHash('sha256').update(bytes).digest('hex').toUpperCase()}"` };
}

/** Whether an Accept header asks for the protobuf form of v2. */
export function wantsProtobuf(accept: string): boolean {
  return accept.includes('proto-openapi.spec.v2@v1.0+protobuf');
}

function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
