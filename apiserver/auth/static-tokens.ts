// Tokens of a file in the form that kube-apiserver takes (--token-auth-file): lines of token,user,uid and, in quotes,
// group1,group2. They are read once, at the start; whoever reads the file has them.
import { readFile } from 'node:fs/promises';
import { hashOf, type TokenLookup } from './tokens.ts';
import type { User } from './user.ts';

const columnsMin = 3;

/** Reads such a file. Errors: what is wrong with which line. */
export async function readStaticTokens(path: string): Promise<TokenLookup> {
  const users = parseStaticTokens(await readFile(path, 'utf8'), path);
  return (token) => users.get(hashOf(token));
}

/** The users of such a text, each by the hash of its token. */
export function parseStaticTokens(text: string, path: string): ReadonlyMap<string, User> {
  const users = new Map<string, User>();
  for (const [index, row] of rowsOf(text, path).entries()) {
    const [token = '', name = '', uid = '', groups = ''] = row;
    if (row.length < columnsMin || token === '' || name === '')
      throw new Error(`${path}: entry ${index + 1} is not token,user,uid or token,user,uid,"group1,group2"`);
    const hash = hashOf(token);
    if (users.has(hash)) throw new Error(`${path}: entry ${index + 1} has the token of an earlier one`);
    users.set(hash, {
      name,
      groups: groups.split(',').flatMap((group) => (group.trim() === '' ? [] : [group.trim()])),
      ...(uid === '' ? {} : { uid }),
    });
  }
  return users;
}

/** The cells of each line that is not empty and no comment; a cell in quotes may have commas, and a quote as two. */
function rowsOf(text: string, path: string): string[][] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return lines.map((line, index) => {
    const cells: string[] = [];
    const cell = /\s*(?:"((?:[^"]|"")*)"|([^",]*))\s*(,|$)/y;
    for (let isMore = true; isMore; ) {
      const match = cell.exec(line);
      // What is wrong with it could quote a token.
      if (match === null) throw new Error(`${path}: entry ${index + 1} is no list of comma-separated values`);
      cells.push(match[1]?.replaceAll('""', '"') ?? match[2]?.trim() ?? '');
      isMore = match[3] === ',';
    }
    return cells;
  });
}
