// Run after `npm install PACKAGE`: completes package-lock.json. A registry mirror that serves only some platforms makes
// npm drop the binaries of all others from the lock file, and `npm ci` then refuses it everywhere ("Missing: … from
// lock file"). What is missing is known all the same: the dependent names the exact version, the package's name the
// platform. Such an entry has no hash; only a machine of that platform would ever fetch it.
// `--check` changes nothing and exits 1 when something is missing.

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const file = join(resolve(dirname(fileURLToPath(import.meta.url)), '..'), 'package-lock.json');
const lock = JSON.parse(readFileSync(file, 'utf8'));
const added = [];

for (const [path, { optionalDependencies = {}, dev }] of Object.entries(lock.packages))
  for (const [name, version] of Object.entries(optionalDependencies)) {
    if (`node_modules/${name}` in lock.packages || `${path}/node_modules/${name}` in lock.packages) continue;
    const { cpu, libc, os } = platformOf(name);
    // In npm's own order, so that its next run changes nothing.
    lock.packages[`node_modules/${name}`] = {
      version,
      cpu,
      ...(dev && { dev }),
      ...(libc && { libc }),
      optional: true,
      os,
    };
    added.push(`${name} ${version}`);
  }

const isCheck = process.argv.includes('--check');
if (added.length > 0) {
  console.log(
    `complete-lock: ${added.length} optional packages ${isCheck ? 'are missing' : 'added'}: ${added.join(', ')}`,
  );
  if (isCheck) process.exitCode = 1;
  else {
    const { '': own, ...rest } = lock.packages;
    lock.packages = {
      '': own,
      ...Object.fromEntries(Object.entries(rest).sort(([a], [b]) => a.localeCompare(b, 'en'))),
    };
    writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  }
}

/** `@x/binding-linux-arm-gnueabihf` is for linux, arm, glibc. */
function platformOf(name) {
  const found =
    /(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)-([a-z0-9]+)(?:-(\w+))?$/.exec(name);
  if (found === null) throw new Error(`complete-lock: cannot tell the platform of ${name}; add its entry by hand`);
  const [, os, cpu, abi = ''] = found;
  const libc =
    os !== 'linux' ? undefined : abi.startsWith('musl') ? 'musl' : abi.startsWith('gnu') ? 'glibc' : undefined;
  return { cpu: [cpu], ...(libc !== undefined && { libc: [libc] }), os: [os] };
}
