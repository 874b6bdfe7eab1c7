import { expect } from 'chai';
import { jsonpath, jsonpathValues } from './jsonpath.ts';

// The example of https://kubernetes.io/docs/reference/kubectl/jsonpath/, shortened.
const list = {
  kind: 'List',
  items: [
    {
      kind: 'None',
      metadata: { name: '127.0.0.1', labels: { 'kubernetes.io/hostname': 'here' } },
      status: { capacity: { cpu: '4' } },
    },
    { kind: 'None', metadata: { name: '127.0.0.2' }, status: { capacity: { cpu: '8' }, n: 3 } },
  ],
  users: [
    { name: 'myself', user: {} },
    { name: 'e2e', user: { username: 'admin', password: 'secret' } },
  ],
};

describe('jsonpath', () => {
  for (const [template, text] of [
    ['{.kind}', 'List'],
    ['{$.kind}', 'List'],
    ['.kind', 'List'],
    ["{['kind']}", 'List'],
    ['{.items[*].metadata.name}', '127.0.0.1 127.0.0.2'],
    ['{.items[0].metadata.name}', '127.0.0.1'],
    ['{.items[-1].metadata.name}', '127.0.0.2'],
    ['{.items[0:1].metadata.name}', '127.0.0.1'],
    ['{.items[1:].metadata.name}', '127.0.0.2'],
    ["{.items[*]['metadata.name', 'status.capacity']}", ''],
    ['{..name}', '127.0.0.1 127.0.0.2 myself e2e'],
    ['{.users[?(@.name=="e2e")].user.password}', 'secret'],
    ["{.users[?(@.name=='e2e')].user.password}", 'secret'],
    ['{.users[?(@.user.username)].name}', 'e2e'],
    ['{.items[?(@.status.n>2)].metadata.name}', '127.0.0.2'],
    [
      '{range .items[*]}[{.metadata.name}, {.status.capacity}] {end}',
      '[127.0.0.1, {"cpu":"4"}] [127.0.0.2, {"cpu":"8"}] ',
    ],
    ['{range .items[*]}{.metadata.name}{"\\t"}{.status.capacity.cpu}{"\\n"}{end}', '127.0.0.1\t4\n127.0.0.2\t8\n'],
    ['{.items[0].metadata.labels.kubernetes\\.io/hostname}', 'here'],
    ['{.missing.thing}', ''],
    ['name is {.users[0].name}!', 'name is myself!'],
    ['{.users[0].user}', '{}'],
  ] as const)
    it(template, () => {
      expect(jsonpath(template, list)).to.equal(text);
    });

  for (const [template, message] of [
    ['{.a', 'unclosed {'],
    ['{range .items[*]}x', '{range} without {end}'],
    ['{end}', '{end} without {range}'],
    ['{.a[b]}', 'cannot read [b]'],
  ] as const)
    it(`refuses ${template}`, () => {
      expect(() => jsonpath(template, list)).to.throw(message);
    });

  it('does not reach into prototypes', () => {
    expect(jsonpathValues('.constructor.name', {})).to.deep.equal([]);
  });
});
