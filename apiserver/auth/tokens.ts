// Bearer tokens until TokenRequest comes: DATA/tokens.json lists who they stand for by the token's SHA-256, so that the
// file gives nobody access. `admin.token` beside it is the one made at the first start.
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createPrivate, readIfThere } from '../../pki/index.ts';
import { isRecord, stringsOf } from '../json.ts';
import { type User, wellKnownGroups } from './user.ts';

/** Who a bearer token stands for, or undefined. */
export type TokenLookup = (token: string) => User | undefined;

/** Asks one after another. */
export function eitherToken(...lookups: readonly TokenLookup[]): TokenLookup {
  return (token) => {
    for (const lookup of lookups) {
      const user = lookup(token);
      if (user !== undefined) return user;
    }
    return undefined;
  };
}

/** Loads DATA/tokens.json; the first time makes it, with a token of the cluster admin in DATA/admin.token. */
export async function ensureTokens(data: string): Promise<TokenLookup> {
  const path = join(data, 'tokens.json');
  const kept = await readIfThere(path);
  if (kept !== undefined) return lookupIn(parseTokens(kept, path));
  // The token is made before the list: of several servers that start at once, all list the one that was made.
  const made = randomBytes(32).toString('base64url');
  const token = (await createPrivate(join(data, 'admin.token'), `${made}\n`)).trim();
  const row = { sha256: hashOf(token), user: 'admin', groups: [wellKnownGroups.masters] };
  const text = `${JSON.stringify({ tokens: [row] }, undefined, 2)}\n`;
  return lookupIn(parseTokens(await createPrivate(path, text), path));
}

// A hash is looked up, never a token compared: the time taken says nothing about the token.
function lookupIn(users: ReadonlyMap<string, User>): TokenLookup {
  return (token) => users.get(hashOf(token));
}

function parseTokens(text: string, path: string): Map<string, User> {
  const parsed: unknown = JSON.parse(text);
  const users = new Map<string, User>();
  const rows = isRecord(parsed) && Array.isArray(parsed.tokens) ? parsed.tokens : undefined;
  if (rows === undefined) throw new Error(`${path} must be {"tokens": [{"sha256", "user", "groups"}]}`);
  for (const row of rows) {
    if (!isRecord(row) || typeof row.sha256 !== 'string' || typeof row.user !== 'string')
      throw new Error(`${path}: every token needs sha256 (hex), user and groups`);
    users.set(row.sha256, { name: row.user, groups: stringsOf(row.groups) });
  }
  return users;
}

/** What a token is known by. */
export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
