import { expect } from 'chai';
import { isProcessGone, type ProcFiles, processIdentity } from './identity.ts';

describe('processIdentity', () => {
  const stats: Record<string, string> = {
    '/proc/7/stat': '7 (a name) with (parentheses)) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 11 0 4242 1000 10',
    '/proc/8/stat': '8 (node) Z 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 11 0 5000 1000 10',
  };
  const proc: ProcFiles = {
    readText: async (path) => {
      if (path === '/proc/sys/kernel/random/boot_id') return 'b007b007-0000-4000-8000-000000000000\n';
      const stat = stats[path];
      if (stat === undefined) throw new Error(`ENOENT: ${path}`);
      return stat;
    },
    readLink: async () => 'pid:[4026531836]',
  };

  it('names host, boot, pid space, process and its start', async () => {
    expect(await processIdentity(7, proc, 'host')).to.equal('host_b007b007_4026531836_7_4242');
  });

  for (const [title, identity, isGone] of [
    ['lives', 'host_b007b007_4026531836_7_4242', false],
    ['had its number before', 'host_b007b007_4026531836_7_41', true],
    ['is not there', 'host_b007b007_4026531836_9_4242', true],
    ['is a zombie', 'host_b007b007_4026531836_8_5000', true],
    ['is of another host', 'other_b007b007_4026531836_9_1', false],
    ['is of another boot', 'host_00000000_4026531836_9_1', false],
    ['counts in another pid space', 'host_b007b007_1_9_1', false],
    ['has another form', 'host_b007b007_4026531836_9_1_2', false],
  ] as const)
    it(`${isGone ? 'knows that one is gone that' : 'does not take for gone one that'} ${title}`, async () => {
      expect(await isProcessGone(identity, proc, 'host')).to.equal(isGone);
    });
});
