import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { ManualClock, seededRandom } from '../base/index.ts';
import { run } from './program.ts';
import type { Terminal } from './terminal.ts';
import { programVersion } from './version.ts';

async function call(argv: readonly string[], input = ''): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const terminal: Terminal = {
    env: { HOME: '/nonexistent' },
    cwd: '/',
    isInteractive: false,
    hasColour: false,
    columns: () => 80,
    out: (text) => {
      out += typeof text === 'string' ? text : Buffer.from(text).toString();
      return Promise.resolve();
    },
    err: (text) => void (err += text),
    readStdin: () => Promise.resolve(input),
    signal: new AbortController().signal,
    clock: new ManualClock(),
    random: seededRandom(1),
  };
  const code = await run(argv, terminal, '/dist');
  return { code, out, err };
}

describe('runictl', () => {
  it('has the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(programVersion).to.equal(version);
    expect(await call(['version', '--client'])).to.deep.equal({
      code: 0,
      out: `Client Version: v${version}\n`,
      err: '',
    });
  });

  for (const [title, argv, code, err] of [
    ['an unknown verb', ['frobnicate'], 2, /unknown command 'frobnicate'/],
    ['an unknown flag', ['get', 'runs', '--frob'], 2, /unknown option '--frob'/],
    ['no file', ['apply'], 2, /required option '-f, --filename/],
    ['an unknown kind', ['get', 'frobs'], 2, /resource type "frobs"/],
    ['an unknown output', ['get', 'runs', '-o', 'xml'], 2, /output format "xml"/],
    [
      'no cluster',
      ['get', 'runs'],
      1,
      /kubeconfig \/nonexistent\/\.kube\/config cannot be read[^]*runictl dev --data DIR/,
    ],
    ['a bad manifest', ['compile', '-f', '-'], 1, /error: stdin:1:1: not an object/],
    [
      'no controllers',
      ['dev', '--data', '/nonexistent/x', '--controllers', '0', '--isolation', 'none'],
      2,
      /--controllers: 1 to 9/,
    ],
    [
      'too many API servers',
      ['dev', '--data', '/nonexistent/x', '--servers', '30', '--isolation', 'none'],
      2,
      /--servers/,
    ],
  ] as const)
    it(`says what is wrong with ${title}`, async () => {
      const result = await call(argv, 'hello');
      expect(result.err).to.match(err);
      expect(result.code).to.equal(code);
    });

  it('understands flags in kubectl’s ways', async () => {
    const input = 'apiVersion: v1\nkind: Secret\nmetadata: { name: a }\n';
    const expected = 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  namespace: h\n';
    for (const argv of [
      ['-n', 'h', 'compile', '-f', '-', '-o', 'yaml'],
      ['compile', '-f', '-', '-n=h', '-o=yaml'],
      ['compile', '--filename=-', '--namespace=h', '-oyaml'],
    ])
      expect(await call(argv, input)).to.deep.equal({ code: 0, out: expected, err: '' });
  });

  it('prints completion for three shells', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { code, out } = await call(['completion', shell]);
      expect(code).to.equal(0);
      expect(out).to.contain('api-resources').and.to.contain('pipelines');
    }
    expect((await call(['completion', 'tcsh'])).code).to.equal(2);
  });
});
