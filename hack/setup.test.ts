import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';

describe('hack: setup', function () {
  this.timeout(30_000);
  let tools = '';
  beforeEach(() => {
    tools = mkdtempSync(join(tmpdir(), 'setup-'));
    chmodSync(tools, 0o755);
    for (const name of ['dirname', 'id', 'sh']) symlinkSync(`/usr/bin/${name}`, join(tools, name));
    for (const name of ['node', 'npm']) tool(name, 'exit 0');
  });
  afterEach(() => rmSync(tools, { recursive: true, force: true }));

  function tool(name: string, script: string): void {
    writeFileSync(join(tools, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  function setup(args: readonly string[], PATH: string): { status: number | null; output: string } {
    // Nobody, so that it can only say what is missing and not install it.
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-s', '--', ...args], {
      input: setupText,
      env: { PATH },
      encoding: 'utf8',
      ...(process.getuid?.() === 0 && { uid: 65534, gid: 65534 }),
    });
    return { status, output: stdout + stderr };
  }
  // Read from stdin, since another user may not reach the tree: then $0 is `sh`, and its folder the present one.
  const setupText = `cd / ; ${spawnSync('sed', ['s/^cd .*$//', 'hack/setup'], { encoding: 'utf8' }).stdout}`;

  it('says nothing and does nothing when all is there', () => {
    const { status, stdout, stderr } = spawnSync('sh', ['hack/setup', '--test'], { encoding: 'utf8' });
    expect({ status, output: stdout + stderr }).to.deep.equal({ status: 0, output: '' });
  });

  it('names what is missing to whoever may not install it', () => {
    const { status, output } = setup(['--test'], tools);
    expect(status).to.equal(1);
    expect(output).to.match(
      /^setup: these Debian packages are missing: gcc make .*\bbubblewrap crun\. Run as root: apt-get install gcc make /,
    );
  });

  it('refuses a Node that is too old', () => {
    tool('node', 'test "$1" = --version && echo v18.0.0; exit 1');
    expect(setup([], tools)).to.deep.equal({
      status: 1,
      output: 'setup: Node v18.0.0 is too old. Install Node 20.19 or newer, then run hack/setup again.\n',
    });
  });

  it('refuses to go on without npm', () => {
    rmSync(join(tools, 'npm'));
    expect(setup([], tools)).to.deep.equal({
      status: 1,
      output: 'setup: npm is missing. It comes with Node; install it, then run hack/setup again.\n',
    });
  });

  it('refuses an option that it does not know', () => {
    expect(setup(['--tets'], tools)).to.deep.equal({ status: 2, output: 'usage: hack/setup [--test]\n' });
  });
});
