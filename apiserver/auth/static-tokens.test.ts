import { expect } from 'chai';
import { parseStaticTokens } from './static-tokens.ts';
import { hashOf } from './tokens.ts';

describe('apiserver: a file of tokens', () => {
  it('names users with their uids and groups, as kube-apiserver reads it', () => {
    const users = parseStaticTokens(
      'admin-token,admin,1,"system:masters"\n\n# comment\nplain,joe,2\nmany,ann,,"a, b,runink:viewers:h"\n',
      'f',
    );
    expect(users.size).to.equal(3);
    expect(users.get(hashOf('admin-token'))).to.deep.equal({ name: 'admin', uid: '1', groups: ['system:masters'] });
    expect(users.get(hashOf('plain'))).to.deep.equal({ name: 'joe', uid: '2', groups: [] });
    expect(users.get(hashOf('many'))).to.deep.equal({ name: 'ann', groups: ['a', 'b', 'runink:viewers:h'] });
  });

  for (const [title, text, message] of [
    ['too few columns', 'token,joe\n', 'f: entry 1 is not token,user,uid'],
    ['no token', 'a,joe,1\n,joe,1\n', 'f: entry 2 is not token,user,uid'],
    ['no user', 'secret,,1\n', 'f: entry 1 is not token,user,uid'],
    ['a token twice', 'a,joe,1\na,ann,2\n', 'f: entry 2 has the token of an earlier one'],
    ['a broken quote', 'secret,joe,1,"a\n', 'f: entry 1 is no list of comma-separated values'],
    ['a quote in the middle', 'secret,j"oe,1\n', 'f: entry 1 is no list of comma-separated values'],
  ] as const)
    it(`is refused with ${title}, without a word of what is in it`, () => {
      expect(() => parseStaticTokens(text, 'f'))
        .to.throw(message)
        .with.property('message')
        .that.does.not.include('secret');
    });
});
