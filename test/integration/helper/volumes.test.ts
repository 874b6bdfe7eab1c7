import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { LaunchRequest } from '../../../runi-agent/spawner.ts';
import { type HelperFixture, onHelper, volumeOwner } from './fixture.ts';

describe('runi-agent: volumes of a slice', function () {
  this.timeout(60_000);
  let helper: HelperFixture;
  if (!onHelper((opened) => (helper = opened))) return;

  const ref = (id: string, volume = 'data') => ({ herdUid: 'herd-1', volume, id });
  const staged = (id: string): Partial<LaunchRequest> => ({ staging: [ref(id)] });
  const put = (name: string, text: string, mode = 0o600): string => {
    const path = join(helper.volume('data'), name);
    writeFileSync(path, text);
    chownSync(path, volumeOwner, volumeOwner);
    chmodSync(path, mode);
    return path;
  };
  const publish = (id: string, name: string, target: string) =>
    helper.spawner.publish({ staging: ref(id), files: [{ staged: name, target }] });

  async function refusal(action: Promise<unknown>): Promise<string> {
    try {
      await action;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    return 'not refused';
  }

  it('reads as the volume’s owner, and cannot write', async () => {
    put('mine', 'owned\n');
    const script = 'cat /data/data/mine; stat -c %u /data/data/mine; touch /data/data/new; rm -f /data/data/mine';
    const { log } = await helper.run(['/bin/sh', '-c', `(${script}) 2>&1`], { volumes: ['data'] });
    expect(log.match(/Read-only file system/g)).to.have.length(2);
    expect(log.startsWith('1:owned\n')).to.equal(true);
    expect(log).to.include('1000');
    expect(readFileSync(join(helper.volume('data'), 'mine'), 'utf8')).to.equal('owned\n');
  });

  it('hides what others have staged', async () => {
    await helper.sh('echo hidden > /stage/data/file', staged('hidden'));
    expect(await helper.sh('ls -A /data/data/.runink', { volumes: ['data'] })).to.equal('');
    await helper.spawner.discard(ref('hidden'));
  });

  it('shows each slice only the volumes that it named', async () => {
    expect(await helper.sh('ls /data /stage', { volumes: ['fixed'] })).to.equal('/data:\nfixed\n\n/stage:\n');
  });

  it('writes in a staging directory as the owner, and shares it within a group', async () => {
    await helper.sh('echo one > /stage/data/a', staged('shared'));
    expect(await helper.sh('cat /stage/data/a; echo two >> /stage/data/a', staged('shared'))).to.equal('one\n');
    const top = join(helper.volume('data'), '.runink/shared');
    expect(statSync(join(top, 'a')).uid).to.equal(volumeOwner);
    expect(statSync(top).mode & 0o777).to.equal(0o700);
    expect(await helper.sh('ls /stage/data', staged('another'))).to.equal('');
  });

  it('publishes under the owner, makes directories, and may be repeated', async () => {
    await helper.sh('echo result > /stage/data/r', staged('publish'));
    await publish('publish', 'r', 'made/for/it/result');
    const target = join(helper.volume('data'), 'made/for/it/result');
    expect(readFileSync(target, 'utf8')).to.equal('result\n');
    expect([statSync(target).uid, statSync(join(target, '..')).uid]).to.deep.equal([volumeOwner, volumeOwner]);
    await publish('publish', 'r', 'made/for/it/result');
    await helper.spawner.discard(ref('publish'));
    await publish('publish', 'r', 'made/for/it/result');
    expect(existsSync(join(helper.volume('data'), '.runink/publish'))).to.equal(false);
  });

  it('publishes nothing but regular files of one name without setuid and setgid', async () => {
    await helper.sh('cd /stage/data; ln -s /etc/passwd soft; mkfifo fifo; mkdir folder; echo x > file', staged('bad'));
    const top = join(helper.volume('data'), '.runink/bad');
    for (const [name, mode] of [
      ['setuid', 0o4755],
      ['setgid', 0o2755],
    ] as const) {
      writeFileSync(join(top, name), '');
      chownSync(join(top, name), volumeOwner, volumeOwner);
      chmodSync(join(top, name), mode);
    }
    linkSync(join(top, 'file'), join(top, 'second'));
    expect(await refusal(publish('bad', 'soft', 'x'))).to.include('publish soft: not a regular file');
    expect(await refusal(publish('bad', 'fifo', 'x'))).to.include('publish fifo: not a regular file');
    expect(await refusal(publish('bad', 'folder', 'x'))).to.include('publish folder: not a regular file');
    expect(await refusal(publish('bad', 'setuid', 'x'))).to.include('publish setuid: the file is setuid or setgid');
    expect(await refusal(publish('bad', 'setgid', 'x'))).to.include('publish setgid: the file is setuid or setgid');
    expect(await refusal(publish('bad', 'file', 'x'))).to.include('publish file: the file has 2 names');
    expect(await refusal(publish('bad', 'none', 'x'))).to.include('publish none: the step did not write it');
    expect(existsSync(join(helper.volume('data'), 'x'))).to.equal(false);
  });

  it('publishes to no place outside of the volume, nor into .runink, nor over what is no file', async () => {
    await helper.sh('echo x > /stage/data/file', staged('target'));
    symlinkSync('/tmp', join(helper.volume('data'), 'away'));
    symlinkSync('mine', join(helper.volume('data'), 'soft'));
    mkdirSync(join(helper.volume('data'), 'folder'));
    for (const target of ['../x', '/x', 'a/../x', 'a//x', '', '.', '.runink/x', 'a/.runink/x', 'a/', 'new\nline'])
      expect(await refusal(publish('target', 'file', target)), target).to.include('a target must be a relative path');
    expect(await refusal(publish('target', '../target/file', 'x'))).to.include('a staged file must be a plain name');
    expect(await refusal(publish('target', 'file', 'away/x'))).to.include('make or open directory away of volume data');
    expect(await refusal(publish('target', 'file', 'soft'))).to.include('something that is no regular file');
    expect(await refusal(publish('target', 'file', 'folder'))).to.include('something that is no regular file');
    expect(await refusal(publish('target', 'file', 'mine/x'))).to.include('Not a directory');
  });

  it('can publish only what the owner could', async () => {
    await helper.sh('echo x > /stage/data/file', staged('rights'));
    mkdirSync(join(helper.volume('data'), 'roots'), { mode: 0o755 });
    expect(await refusal(publish('rights', 'file', 'roots/x'))).to.include('Permission denied');
  });

  it('neither publishes nor discards while a slot may still write there', async () => {
    const { slot } = await helper.stay('sleep 100', staged('busy'));
    expect(await refusal(publish('busy', 'file', 'x'))).to.include('still runs');
    expect(await refusal(helper.spawner.discard(ref('busy')))).to.include('still runs');
    const exit = helper.exitOf(slot);
    await helper.spawner.kill(slot);
    await exit;
    await helper.spawner.discard(ref('busy'));
  });

  it('discards all that a step made, however it looks', async () => {
    await helper.sh(
      'cd /stage/data; mkdir -p a/b/c; echo x > a/b/c/d; ln -s /etc e; mkfifo f; chmod 0 a/b',
      staged('full'),
    );
    await helper.spawner.discard(ref('full'));
    expect(existsSync(join(helper.volume('data'), '.runink/full'))).to.equal(false);
    expect(existsSync('/etc/passwd')).to.equal(true);
  });

  it('refuses volumes of other herds, and writing where only reading is offered', async () => {
    const launch = (more: Partial<LaunchRequest>) => refusal(helper.run(['/bin/true'], more));
    expect(await launch({ volumes: ['other'] })).to.include('volume other is not offered to this herd on this node');
    expect(await launch({ staging: [{ herdUid: 'herd-2', volume: 'other', id: 'x' }] })).to.include('another herd');
    expect(await launch({ staging: [ref('x', 'fixed')] })).to.include('volume fixed is read-only on this node');
    expect(await refusal(helper.spawner.publish({ staging: ref('x', 'fixed'), files: [] }))).to.include('read-only');
    expect(readdirSync(helper.volume('fixed'))).to.deep.equal([]);
  });

  it('works the same on a volume of root’s', async () => {
    const staging = { herdUid: 'herd-3', volume: 'roots', id: 'r' };
    const more = { herdUid: 'herd-3', volumes: ['roots'], staging: [staging] };
    writeFileSync(join(helper.volume('roots'), 'in'), 'of root\n', { mode: 0o600 });
    expect(await helper.sh('id -u; cp /data/roots/in /stage/roots/out; cat /data/roots/in', more)).to.equal(
      '1000\nof root\n',
    );
    await helper.spawner.publish({ staging, files: [{ staged: 'out', target: 'deep/out' }] });
    const published = statSync(join(helper.volume('roots'), 'deep/out'));
    expect([published.uid, published.mode & 0o777]).to.deep.equal([0, 0o600]);
    await helper.spawner.discard(staging);
  });

  it('tells which volumes a herd has', () => {
    expect(helper.spawner.volumes('herd-1')).to.deep.equal([
      { name: 'data', writable: true },
      { name: 'fixed', writable: false },
    ]);
    expect(helper.spawner.volumes('herd-2').map(({ name }) => name)).to.deep.equal(['other', 'data', 'fixed']);
  });
});
