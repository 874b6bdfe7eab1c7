import { mkdtemp, open, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { makeDirectory } from './durable-directory.ts';

describe('a directory that is made durably', () => {
  let parent: string;

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'barn-'));
  });

  afterEach(() => rm(parent, { recursive: true }));

  it('has every name above it synced that was made with it, and is for its owner alone', async () => {
    const directory = join(parent, 'a', 'b', 'c');
    const synced = await syncedBy(parent, () => makeDirectory(directory));
    expect(synced.toSorted()).to.deep.equal([parent, join(parent, 'a'), join(parent, 'a', 'b')]);
    expect((await stat(directory)).mode & 0o777).to.equal(0o700);
    expect(await syncedBy(parent, () => makeDirectory(directory))).to.deep.equal([]);
  });
});

/** The paths that were synced meanwhile. */
async function syncedBy(parent: string, work: () => Promise<void>): Promise<readonly string[]> {
  const any = await open(parent);
  const handles: { sync: typeof any.sync } = Object.getPrototypeOf(any);
  await any.close();
  const { sync } = handles;
  const synced: string[] = [];
  handles.sync = async function (this: typeof any) {
    synced.push(await readlink(`/proc/self/fd/${this.fd}`));
    return sync.call(this);
  };
  try {
    await work();
  } finally {
    handles.sync = sync;
  }
  return synced;
}
