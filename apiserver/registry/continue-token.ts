// What a list gives out to go on with. Signed: a client cannot make one up, or use it for another kind or herd.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { ApiError } from '../../apis/index.ts';
import type { Revision } from '../../barn/index.ts';
import { isRecord } from '../json.ts';

/** In the place of a revision: goes on with what is now, since what was is forgotten. */
export const inconsistent = -1;

/** Where a list goes on. */
export interface ContinuePoint {
  /** May be `inconsistent`. */
  readonly revision: Revision;
  /** What was given last: its key below the prefix that is listed, so that it leads nowhere else. */
  readonly after: string;
}

/** Makes tokens that only this server can make, each good for one scope. */
export interface ContinueTokens {
  seal(point: ContinuePoint, scope: string): string;
  /** Errors: BadRequest when it was not sealed here for this scope. */
  open(token: string, scope: string): ContinuePoint;
}

const macBytes = 16;

/** Tokens signed with `key`, which must outlive the server if they shall. */
export function continueTokens(key: Uint8Array): ContinueTokens {
  const sign = (body: string, scope: string) =>
    createHmac('sha256', key).update(`${scope}\n${body}`).digest().subarray(0, macBytes);
  return {
    seal(point, scope) {
      const body = Buffer.from(JSON.stringify({ v: 1, rv: point.revision, after: point.after })).toString('base64url');
      return `${body}.${sign(body, scope).toString('base64url')}`;
    },
    open(token, scope) {
      const [body = '', mac = ''] = token.split('.');
      const given = Buffer.from(mac, 'base64url');
      if (given.length !== macBytes || !timingSafeEqual(given, sign(body, scope))) throw broken();
      const parsed: unknown = JSON.parse(Buffer.from(body, 'base64url').toString());
      if (!isRecord(parsed) || typeof parsed.rv !== 'number' || typeof parsed.after !== 'string') throw broken();
      return { revision: parsed.rv, after: parsed.after };
    },
  };
}

function broken(): ApiError {
  return new ApiError(
    'BadRequest',
    'invalid continue token: continue key is not valid: it was not given out for this list',
  );
}
