// Bearer tokens until TokenRequest comes: DATA/tokens.json lists who they stand for by the token's SHA-256, so that the
// file gives nobody access. `admin.token` beside it is the one made at the first start.
import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isRecord, stringsOf } from '../json.ts';
import { readIfThere, writePrivate } from '../pki/identities.ts';
import { type User, wellKnownGroups } from './user.ts';

/** Who a bearer token stands for, or undefined. */
export type TokenLookup = (token: string) => User | undefined;

/** Loads DATA/tokens.json; the first time makes it, with a token of the cluster admin in DATA/admin.token. */
export async function ensureTokens(data: string): Promise<TokenLookup> {
  const path = join(data, 'tokens.json');
  const kept = await readIfThere(path);
  if (kept !== undefined) return lookupIn(parseTokens(kept, path));
  const token = randomBytes(32).toString('base64url');
  const row = { sha256: hashOf(token), user: 'admin', groups: [wellKnownGroups.masters] };
  await writePrivate(join(data, 'admin.token'), `${token}\n`);
  const text = `${JSON.stringify({ tokens: [row] }, undefined, 2)}\n`;
  await writePrivate(path, text);
  return lookupIn(parseTokens(text, path));
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

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
