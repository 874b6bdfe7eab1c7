import { expect } from 'chai';
import { keysText } from './status.ts';

describe('runictl barn status: what keys a member needs', () => {
  for (const [title, encryption, text] of [
    ['nothing where the server says nothing of it', undefined, ''],
    ['plain', { current: 'plain', log: ['plain'], state: ['plain'], left: 0 }, 'plain'],
    ['one key', { current: 'new', log: ['new'], state: ['new'], left: 0 }, 'new'],
    ['one key before anything was written', { current: 'new', log: [], state: ['new'], left: 0 }, 'new'],
    [
      'the former one and what is left to do',
      { current: 'new', log: ['old', 'new'], state: ['old', 'new'], left: 1200 },
      'new, still old (log, state: 1200 left)',
    ],
    [
      'what only the disk of the state has yet',
      { current: 'new', log: ['new'], state: ['old', 'new'], left: 0 },
      'new, still old (state)',
    ],
    [
      'several former ones',
      { current: 'new', log: ['old', 'plain'], state: ['plain', 'new'], left: 3 },
      'new, still old (log), plain (log, state: 3 left)',
    ],
  ] as const)
    it(`shows ${title}`, () => expect(keysText(encryption)).to.equal(text));
});
