import type { Depth } from './compare.ts';

/** Why an exchange need not be as it was recorded. */
export interface Intended {
  readonly reason: string;
  /** The recording is older than the rule: then a status or a reason may differ too. */
  readonly isNewer?: true;
}

/** How many exchanges may differ by intention. */
export const intendedMax = 12;

/** The exchanges that differ by intention. */
export const intended: Readonly<Record<string, Intended>> = {
  'put wrong uid': { reason: 'the message leaves out the key of the store and the numbers of its errors' },
  'status put': {
    reason: 'a write of the status owns nothing of the spec, as in Kubernetes since 1.22',
    isNewer: true,
  },
  'list continue bad': { reason: 'tokens are signed, and the message says that this one was not given out' },
  'list continue+rv': { reason: 'the version beside a token is refused before the token is looked at' },
};

/** Exchanges in which a server tells of itself, so that words are its own. */
export const depths: Readonly<Record<string, Depth>> = {
  'discovery /api': 'shape',
  'discovery /apis': 'shape',
  'discovery /version': 'shape',
  'discovery /readyz?verbose': 'shape',
  'discovery /': 'shape',
  ssrr: 'shape',
  tokenreview: 'shape',
};
