// What the agent asks the exchange for, as JSON over their stream (../streams.ts).
import { ApiError } from '../../apis/index.ts';

/** One attempt at one step, whose log is kept. */
export interface LogId {
  readonly runUID: string;
  readonly step: string;
  readonly attempt: number;
}

/** What the agent asks of the exchange. */
export type ExchangeRequest =
  | ({ readonly do: 'open'; readonly slot: string } & LogId)
  | { readonly do: 'close'; readonly slot: string }
  | ({ readonly do: 'log' } & LogQuery);

/** Which part of which log; without `attempt` the newest there is. */
export interface LogQuery {
  readonly runUID: string;
  readonly step: string;
  readonly attempt?: number;
  /** Go on until the slot has ended. */
  readonly follow?: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  /** ISO 8601 in UTC with milliseconds, as lines are stamped. */
  readonly sinceTime?: string;
  /** Whether each line begins with its time. */
  readonly timestamps?: boolean;
}

/** Reads a request; every name in it becomes a part of a path, so it must be plain. Throws ApiError BadRequest. */
export function parseExchangeRequest(value: unknown): ExchangeRequest {
  const fields = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  const name = (field: string): string => {
    const text = fields[field];
    if (typeof text === 'string' && /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/.test(text)) return text;
    throw new ApiError('BadRequest', `${field} is not a plain name`);
  };
  const count = (field: string): number | undefined => {
    const number = fields[field];
    if (number === undefined) return undefined;
    if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
    throw new ApiError('BadRequest', `${field} is not a number from 0`);
  };
  const instant = (text: unknown): string => {
    if (typeof text === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text)) return text;
    throw new ApiError('BadRequest', 'sinceTime is not a time in UTC with milliseconds');
  };
  const log = {
    runUID: fields['do'] === 'close' ? '' : name('runUID'),
    step: fields['do'] === 'close' ? '' : name('step'),
  };
  switch (fields['do']) {
    case 'open':
      return { do: 'open', slot: name('slot'), ...log, attempt: count('attempt') ?? 1 };
    case 'close':
      return { do: 'close', slot: name('slot') };
    case 'log': {
      const [attempt, tailLines, sinceSeconds] = [count('attempt'), count('tailLines'), count('sinceSeconds')];
      return {
        do: 'log',
        ...log,
        follow: fields['follow'] === true,
        ...(attempt === undefined ? {} : { attempt }),
        ...(tailLines === undefined ? {} : { tailLines }),
        ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
        ...(fields['sinceTime'] === undefined ? {} : { sinceTime: instant(fields['sinceTime']) }),
        ...(fields['timestamps'] === true ? { timestamps: true } : {}),
      };
    }
    default:
      throw new ApiError('BadRequest', 'unknown request');
  }
}
