import { readFile } from 'node:fs/promises';
import { kubeconfigPath } from '../connect.ts';
import { CommandError, messageOf, UsageError } from '../failure.ts';
import { columnLines } from '../print/columns.ts';
import { toYaml } from '../print/object.ts';
import type { Session } from '../session.ts';
import { isRecord, textOf } from '../values.ts';

/** `runictl config view|get-contexts|current-context`; keys and tokens are never shown. */
export async function config({ terminal, flags }: Session, args: readonly string[]): Promise<number> {
  const path = kubeconfigPath(flags, terminal);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CommandError(`kubeconfig ${path} cannot be read: ${messageOf(cause)}`);
  });
  const { parse } = await import('yaml');
  const value: unknown = parse(text);
  if (!isRecord(value)) throw new CommandError(`kubeconfig ${path} is no mapping`);
  const current = textOf(value['current-context']);
  switch (args[0]) {
    case 'view':
      await terminal.out(await toYaml(redacted(value)));
      return 0;
    case 'current-context':
      await terminal.out(`${current}\n`);
      return 0;
    case 'get-contexts': {
      const contexts = Array.isArray(value['contexts']) ? value['contexts'].filter(isRecord) : [];
      const rows = contexts.map(({ name, context }) => {
        const of = isRecord(context) ? context : {};
        return [
          name === current ? '*' : '',
          ...[name, of['cluster'], of['user'], of['namespace']].map((item) => textOf(item)),
        ];
      });
      await terminal.out(
        `${columnLines([['CURRENT', 'NAME', 'CLUSTER', 'AUTHINFO', 'NAMESPACE'], ...rows]).join('\n')}\n`,
      );
      return 0;
    }
    default:
      throw new UsageError(`config has no "${args[0] ?? ''}"; there are: view, get-contexts, current-context`);
  }
}

function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redacted);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (key.endsWith('-data')) return [key, key === 'certificate-authority-data' ? 'DATA+OMITTED' : 'REDACTED'];
      return [key, ['token', 'password'].includes(key) ? 'REDACTED' : redacted(item)];
    }),
  );
}
