// Manifests as users write them into objects as the API takes them: code becomes a Bundle, local paths name a volume.
import { posix, resolve } from 'node:path';
import { kinds, type Pipeline, type Unstructured } from '../../apis/index.ts';
import { CommandError } from '../failure.ts';
import { isRecord, textOf } from '../values.ts';
import { type BundleContent, inlineBytesMax, makeBundle } from './bundle.ts';
import { inOrder } from './order.ts';
import type { Manifest } from './read.ts';

/** An object to apply; `content` is what must be put to a large bundle's subresource. */
export interface Compiled extends Manifest {
  readonly content?: Uint8Array;
}

/** What a manifest does not say itself. */
export interface CompileOptions {
  /** Herd of objects that name none. */
  readonly namespace: string;
  readonly sdkFile: string;
}

/** Everything to apply, in order. Errors: CommandError with the place of the manifest. */
export async function compile(manifests: readonly Manifest[], options: CompileOptions): Promise<Compiled[]> {
  const compiled = new Map<string, Compiled>();
  for (const manifest of manifests) {
    const placed = inHerd(manifest, options.namespace);
    const pipeline = placed.kind.kind === 'Pipeline' ? await compilePipeline(placed, options.sdkFile) : [placed];
    // The same code in two steps is one bundle.
    for (const object of pipeline) compiled.set(keyOf(object), object);
  }
  return inOrder([...compiled.values()]);
}

function keyOf({ kind, object }: Manifest): string {
  return [kind.kind, object.metadata.namespace ?? '', object.metadata.name ?? ''].join('\0');
}

function inHerd(manifest: Manifest, namespace: string): Manifest {
  const { object, kind } = manifest;
  if (kind.scope === 'Cluster' || object.metadata.namespace !== undefined) return manifest;
  return { ...manifest, object: { ...object, metadata: { ...object.metadata, namespace } } };
}

async function compilePipeline(manifest: Manifest, sdkFile: string): Promise<Compiled[]> {
  // What is malformed is left for the server to refuse in its own words.
  const spec = manifest.object['spec'];
  if (!isRecord(spec)) return [manifest];
  const bundles: Compiled[] = [];
  const steps: unknown[] = [];
  for (const step of listOf(spec['steps'])) {
    if (!isRecord(step) || typeof step['bundle'] !== 'string' || !isPath(step['bundle'])) {
      steps.push(step);
      continue;
    }
    const label = `${manifest.place}: step "${textOf(step['name'])}"`;
    const content = await makeBundle(resolve(manifest.folder, step['bundle']), {
      asFiles: step['use'] === 'exec',
      sdkFile,
    }).catch((cause: unknown) => {
      throw cause instanceof CommandError ? new CommandError(`${label}: ${cause.message}`) : cause;
    });
    checkExport(label, step, content);
    bundles.push(toBundle(content, manifest));
    steps.push({ ...step, bundle: content.name });
  }
  const object = {
    ...manifest.object,
    spec: {
      ...spec,
      ...withUris(manifest, spec, 'sources'),
      ...(Array.isArray(spec['steps']) ? { steps } : {}),
      ...withUris(manifest, spec, 'sinks'),
      ...withUris(manifest, spec, 'deadLetters'),
    },
  } satisfies Unstructured;
  return [...bundles, { ...manifest, object }];
}

function checkExport(label: string, step: Readonly<Record<string, unknown>>, content: BundleContent): void {
  if (content.exports === undefined) return;
  const wanted = typeof step['export'] === 'string' ? step['export'] : 'default';
  if (content.exports.includes(wanted)) return;
  const known = content.exports.length === 0 ? 'nothing' : content.exports.join(', ');
  throw new CommandError(
    `${label}: ${typeof step['export'] === 'string' ? `its module has no export "${wanted}"` : 'export is missing'}; it exports ${known}`,
  );
}

function toBundle(content: BundleContent, from: Manifest): Compiled {
  const isInline = content.bytes.length <= inlineBytesMax;
  const namespace = from.object.metadata.namespace;
  const object = {
    apiVersion: 'runink.io/v1',
    kind: 'Bundle',
    metadata: { name: content.name, ...(namespace === undefined ? {} : { namespace }) },
    spec: {
      hash: content.hash,
      size: content.bytes.length,
      format: content.format,
      ...(content.exports === undefined ? {} : { exports: content.exports }),
      ...(isInline ? { inline: Buffer.from(content.bytes).toString('base64') } : {}),
    },
  };
  return {
    object,
    kind: kinds.bundles,
    place: from.place,
    folder: from.folder,
    ...(isInline ? {} : { content: content.bytes }),
  };
}

function withUris(
  manifest: Manifest,
  spec: Readonly<Record<string, unknown>>,
  field: 'sources' | 'sinks' | 'deadLetters',
): Partial<Record<keyof Pipeline['spec'], unknown>> {
  const list = spec[field];
  if (!Array.isArray(list)) return {};
  return {
    [field]: list.map((item: unknown, index) => {
      if (!isRecord(item) || typeof item['uri'] !== 'string') return item;
      const uri = volumeUri(item['uri']);
      if (typeof uri === 'string') return { ...item, uri };
      throw new CommandError(`${manifest.place}: spec.${field}[${index}].uri: ${uri.problem}`);
    }),
  };
}

/** A local relative path as a place in the volume `data`; a URI that names a volume stays as it is. */
export function volumeUri(uri: string): string | { readonly problem: string } {
  const isFile = uri.startsWith('file:');
  if (!isFile && /^[a-z][a-z0-9+.-]*:/i.test(uri)) return uri;
  const local = isFile ? uri.slice('file:'.length).replace(/^\/\/(?=\.{1,2}\/)/, '') : uri;
  if (/^\/\/[^/]/.test(local)) return uri;
  if (local.startsWith('/'))
    return { problem: `"${uri}" is an absolute path; slices see volumes only, e.g. file://data/PATH` };
  const path = posix.normalize(local);
  if (path === '.' || path.startsWith('..'))
    return { problem: `"${uri}" leads out of the volume data; put the file into it and write file://data/PATH` };
  return `file://data/${path}`;
}

function isPath(bundle: string): boolean {
  return /^\.{0,2}\//.test(bundle);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
