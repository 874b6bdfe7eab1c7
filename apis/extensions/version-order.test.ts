import { expect } from 'chai';
import { compareVersions } from './version-order.ts';

describe('versions of a group', () => {
  it('come stable first, then beta, then alpha, higher before lower, and other names at the end', () => {
    const mixed = [
      'foo10',
      'v1alpha1',
      'v12alpha1',
      'v3beta1',
      'v10beta3',
      'foo1',
      'v2',
      'v11beta2',
      'v10',
      'v1',
      'v11alpha2',
    ];
    expect([...mixed].sort(compareVersions)).to.deep.equal([
      'v10',
      'v2',
      'v1',
      'v11beta2',
      'v10beta3',
      'v3beta1',
      'v12alpha1',
      'v11alpha2',
      'v1alpha1',
      'foo1',
      'foo10',
    ]);
  });
});
