import { expect } from 'chai';
import { ManualClock } from '../base/index.ts';
import { type Credentials, createAuthority, issue } from './authority.ts';
import { checkUsable, type TrustedCredentials } from './usable.ts';

const dayMs = 86_400_000;

describe('credentials to be shown to others', () => {
  const clock = new ManualClock();
  let authority: Credentials;
  let other: Credentials;
  let good: TrustedCredentials;

  before(async () => {
    [authority, other] = [await createAuthority('one', clock), await createAuthority('two', clock)];
    good = {
      ...(await issue(authority, { commonName: 'm1', usage: 'peer' }, clock)),
      authority: authority.certificate,
    };
  });

  it('are usable under any of the authorities, until their end', () => {
    const endsMs = checkUsable({ ...good, authority: `${other.certificate}\n${authority.certificate}` }, clock.now());
    expect(Math.round((endsMs - clock.now()) / dayMs)).to.equal(365);
    expect(() => checkUsable(good, endsMs - 1)).not.to.throw();
  });

  for (const [title, change, message] of [
    ['nothing', () => ({ certificate: '' }), 'there is no certificate'],
    [
      'garbage',
      () => ({ certificate: good.certificate.replace(/MII[\w+/]{20}/, 'x') }),
      'the certificate cannot be read',
    ],
    ['another key', () => ({ key: other.key }), 'key values mismatch'],
    ['no key', () => ({ key: 'none' }), /PEM|no start line|DECODER/i],
    ['no authority', () => ({ authority: '' }), 'there is no authority'],
    ['a foreign authority', () => ({ authority: other.certificate }), 'none of the 1 trusted authorities signed it'],
  ] as const)
    it(`are refused with ${title}`, () => {
      expect(() => checkUsable({ ...good, ...change() }, clock.now())).to.throw(message);
    });

  it('are refused out of their time', () => {
    expect(() => checkUsable(good, clock.now() + 366 * dayMs)).to.throw('it ended at');
    expect(() => checkUsable(good, clock.now() - dayMs)).to.throw('it is not valid before');
  });
});
