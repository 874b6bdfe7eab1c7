import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Unstructured } from '../../apis/index.ts';
import type { Patch } from '../../client/index.ts';
import { refIn } from '../api.ts';
import { messageOf, UsageError } from '../failure.ts';
import { dryRunOption, type Options, textOption } from '../options.ts';
import { objectName } from '../print/object.ts';
import { parseOutput, printObjects } from '../print/output.ts';
import { parseOne } from '../resource.ts';
import type { Session } from '../session.ts';

/** `runictl patch TYPE NAME -p PATCH`: a merge patch, or with --type json a JSON patch; YAML will do. */
export async function patch(session: Session, args: readonly string[], options: Options): Promise<number> {
  const { terminal } = session;
  const output = await parseOutput(textOption(options, 'output'), terminal);
  const body = await readBody(session, options);
  const request = asPatch(body, textOption(options, 'type') ?? 'merge');
  const subresource = textOption(options, 'subresource');
  if (subresource !== undefined && subresource !== 'status')
    throw new UsageError(`--subresource ${subresource}: only status can be patched`);
  const { kind, name } = parseOne(args);
  const api = await session.connect();
  const ref = refIn(kind, api.namespace, name);
  const before = await api.client.get<Unstructured>(kind, ref);
  const after = await api.client.patch<Unstructured>(kind, ref, request, {
    ...(subresource === undefined ? {} : { subresource }),
    ...(dryRunOption(options) === 'none' ? {} : { dryRun: true }),
  });
  if (output.form !== 'table') await printObjects(output, [{ kind, object: after }], terminal, { asList: false });
  else {
    const isSame =
      before.metadata.resourceVersion === after.metadata.resourceVersion && dryRunOption(options) === 'none';
    await terminal.out(`${objectName(kind, name)} patched${isSame ? ' (no change)' : ''}\n`);
  }
  return 0;
}

async function readBody({ terminal }: Session, options: Options): Promise<unknown> {
  const inline = textOption(options, 'patch');
  const file = textOption(options, 'patchFile');
  if ((inline === undefined) === (file === undefined))
    throw new UsageError('give the patch with -p, or its file with --patch-file');
  const text = inline ?? (await readFile(resolve(terminal.cwd, file ?? ''), 'utf8'));
  try {
    const { parse } = await import('yaml');
    return parse(text) as unknown;
  } catch (cause) {
    throw new UsageError(`the patch is neither JSON nor YAML: ${messageOf(cause)}`);
  }
}

function asPatch(body: unknown, type: string): Patch {
  if (type === 'json') {
    if (Array.isArray(body)) return { type: 'json', body };
    throw new UsageError('a JSON patch is a list of operations, e.g. [{"op":"remove","path":"/metadata/labels/x"}]');
  }
  if (type === 'merge') return { type: 'merge', body };
  throw new UsageError(`--type ${type}: our kinds take merge and json`);
}
