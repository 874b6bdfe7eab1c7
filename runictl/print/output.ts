// -o of verbs that print objects: json, yaml, name, jsonpath, custom-columns.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { KindInfo, Unstructured } from '../../apis/index.ts';
import { UsageError } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { columnLines } from './columns.ts';
import { escapeControls } from './escape.ts';
import { jsonpath, jsonpathValues, valueText } from './jsonpath.ts';
import { objectName, toJson, toYaml, withoutManagedFields } from './object.ts';

/** What -o asks for. */
export type Output =
  | { readonly form: 'table'; readonly isWide: boolean }
  | { readonly form: 'json' }
  | { readonly form: 'yaml' }
  | { readonly form: 'name' }
  | { readonly form: 'jsonpath'; readonly template: string }
  | { readonly form: 'columns'; readonly columns: readonly { readonly name: string; readonly path: string }[] };

const forms = 'json, yaml, name, wide, jsonpath=TEMPLATE, jsonpath-file=FILE, custom-columns=SPEC';

/** Reads -o. Errors: UsageError that lists the forms. */
export async function parseOutput(text: string | undefined, terminal: Pick<Terminal, 'cwd'>): Promise<Output> {
  if (text === undefined || text === '' || text === 'wide') return { form: 'table', isWide: text === 'wide' };
  if (text === 'json' || text === 'yaml' || text === 'name') return { form: text };
  const [name, ...rest] = text.split('=');
  const argument = rest.join('=');
  if (name === 'jsonpath' || name === 'jsonpath-as-json') {
    if (argument === '') throw new UsageError(`-o ${name} needs a template, e.g. -o jsonpath='{.metadata.name}'`);
    return { form: 'jsonpath', template: argument };
  }
  if (name === 'jsonpath-file') {
    const template = await readFile(resolve(terminal.cwd, argument), 'utf8').catch((cause: unknown) => {
      throw new UsageError(`-o jsonpath-file: ${cause instanceof Error ? cause.message : String(cause)}`);
    });
    return { form: 'jsonpath', template: template.replace(/\n$/, '') };
  }
  if (name === 'custom-columns')
    return {
      form: 'columns',
      columns: argument.split(',').map((column) => {
        const colon = column.indexOf(':');
        if (colon <= 0) throw new UsageError(`-o custom-columns: expected NAME:PATH, got "${column}"`);
        return { name: column.slice(0, colon), path: column.slice(colon + 1) };
      }),
    };
  throw new UsageError(
    `unable to match a printer suitable for the output format "${text}", allowed formats are: ${forms}`,
  );
}

/** Prints objects of any form but table. One object is printed alone, several as a List, unless `asList` says so. */
export async function printObjects(
  output: Exclude<Output, { form: 'table' }>,
  objects: readonly { readonly kind: KindInfo; readonly object: Unstructured }[],
  terminal: Terminal,
  options: { readonly asList: boolean; readonly keepManagedFields?: boolean },
): Promise<void> {
  const plain = objects.map(({ object }) =>
    options.keepManagedFields === true ? object : withoutManagedFields(object),
  );
  if (output.form === 'name') {
    for (const { kind, object } of objects) await terminal.out(`${objectName(kind, object.metadata.name ?? '')}\n`);
    return;
  }
  if (output.form === 'columns') {
    const rows = plain.map((object) => output.columns.map(({ path }) => customCell(path, object)));
    await terminal.out(`${columnLines([output.columns.map(({ name }) => name), ...rows]).join('\n')}\n`);
    return;
  }
  const value = options.asList
    ? { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items: plain }
    : plain[0];
  if (output.form === 'json') await terminal.out(toJson(value));
  else if (output.form === 'yaml') await terminal.out(await toYaml(value));
  else if (output.form === 'jsonpath') {
    const text = jsonpath(output.template, value);
    await terminal.out(terminal.isInteractive ? escapeControls(text) : text);
  }
}

function customCell(path: string, object: Unstructured): string {
  const values = jsonpathValues(path, object);
  return values.length === 0 ? '<none>' : values.map(valueText).join(',');
}
