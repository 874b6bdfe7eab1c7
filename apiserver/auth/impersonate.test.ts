import { expect } from 'chai';
import { isApiError } from '../../apis/index.ts';
import { actingUser } from './impersonate.ts';
import type { User } from './user.ts';

const admin: User = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };
const viewer: User = { name: 'viewer', groups: ['runink:viewers:h', 'system:authenticated'] };

type Headers = Readonly<Record<string, readonly string[]>>;
const acting = (user: User, headers: Headers): User =>
  actingUser(user, {
    headers: Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, values.join(', ')])),
    headersDistinct: Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, [...values]])),
  });
const refusal = (user: User, headers: Headers): string => {
  try {
    acting(user, headers);
  } catch (error) {
    if (isApiError(error)) return `${error.code} ${error.message}`;
  }
  return 'none';
};

describe('apiserver: acting as another', () => {
  it('is nothing without its headers', () => {
    expect(acting(viewer, { accept: ['*/*'] })).to.equal(viewer);
  });

  for (const [title, headers, user] of [
    ['a user, who is known', { 'impersonate-user': ['joe'] }, { name: 'joe', groups: ['system:authenticated'] }],
    [
      'a user with groups, uid and more',
      {
        'impersonate-user': ['joe'],
        'impersonate-group': ['a', 'b'],
        'impersonate-uid': ['7'],
        'impersonate-extra-scopes%2fall': ['x', 'y'],
      },
      {
        name: 'joe',
        groups: ['a', 'b', 'system:authenticated'],
        uid: '7',
        extra: { 'scopes/all': ['x', 'y'] },
      },
    ],
    [
      'an account with its groups',
      { 'impersonate-user': ['system:serviceaccount:h:default'] },
      {
        name: 'system:serviceaccount:h:default',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:h', 'system:authenticated'],
      },
    ],
    [
      'nobody',
      { 'impersonate-user': ['system:anonymous'] },
      { name: 'system:anonymous', groups: ['system:unauthenticated'] },
    ],
  ] as const)
    it(`lets the cluster admin be ${title}`, () => expect(acting(admin, headers)).to.deep.equal(user));

  for (const [title, user, headers, message] of [
    [
      'a user',
      viewer,
      { 'impersonate-user': ['joe'] },
      '403 users "joe" is forbidden: User "viewer" cannot impersonate resource "users" in API group "" at the cluster scope',
    ],
    [
      'an account',
      viewer,
      { 'impersonate-user': ['system:serviceaccount:h:default'] },
      '403 serviceaccounts "default" is forbidden: User "viewer" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "h"',
    ],
    [
      'a group without a user',
      admin,
      { 'impersonate-group': ['system:masters'] },
      '400 requested groups, uid or extra without impersonating a user',
    ],
    [
      'what no server knows',
      viewer,
      { 'impersonate-nonsense': ['x'] },
      '400 requested groups, uid or extra without impersonating a user',
    ],
  ] as const)
    it(`refuses to be ${title}`, () => expect(refusal(user, headers)).to.equal(message));
});
