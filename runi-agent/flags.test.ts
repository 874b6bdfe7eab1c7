import { expect } from 'chai';
import { FlagError, parseFlags } from './flags.ts';

const base = ['--kubeconfig', '/k', '--node', 'n1', '--state', '/s'];

describe('runi-agent: flags', () => {
  it('reads a plain node', () => {
    const argv = [
      ...base,
      '--isolation=none',
      '--programs',
      '/p',
      '--volume',
      'data=/d:rw',
      '--volume',
      'x=/y',
      '--cpu',
      '1.5',
    ];
    expect(parseFlags(argv)).to.deep.equal({
      kubeconfig: '/k',
      node: 'n1',
      state: '/s',
      isolation: 'none',
      volumes: [
        { name: 'data', path: '/d', writable: true },
        { name: 'x', path: '/y', writable: false },
      ],
      programs: '/p',
      cpuMillis: 1500,
      memoryBytes: undefined,
    });
  });

  for (const [argv, message] of [
    [base.slice(2), '--kubeconfig is required'],
    [[...base, '--isolation', 'some'], '--isolation some: it is none'],
    [[...base, '--volume', 'a=/b'], '--volume and --programs go with --isolation none'],
    [[...base, '--isolation', 'none'], '--programs is required'],
    [[...base, '--isolation', 'none', '--programs', '/p', '--volume', 'a'], '--volume a: it is NAME=PATH'],
    [[...base, '--memory', '0'], '--memory 0: it is a number above 0'],
    [[...base, '--nope'], "Unknown option '--nope'"],
  ] as const)
    it(`refuses ${argv.slice(-2).join(' ')}`, () => {
      expect(() => parseFlags(argv)).to.throw(FlagError, message);
    });
});
