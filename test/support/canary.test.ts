import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { canaryOf, sightings } from './canary.ts';

describe('the search for a canary', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'canary-'))));
  afterEach(() => rm(folder, { recursive: true }));

  const word = canaryOf('test');
  const coats: readonly (readonly [string, Buffer])[] = [
    ['raw', Buffer.from(`x${word}x`)],
    ['utf16', Buffer.from(`x${word}x`, 'utf16le')],
    ['hex', Buffer.from(Buffer.from(word).toString('hex'))],
    ...[0, 1, 2].map((before): readonly [string, Buffer] => [
      `base64 behind ${before}`,
      Buffer.from(Buffer.from(`${'x'.repeat(before)}${word}-y`).toString('base64')),
    ]),
  ];
  for (const [coat, bytes] of coats)
    it(`sees it ${coat}, at any place of a large file in a folder below`, async () => {
      await mkdir(join(folder, 'below'));
      const path = join(folder, 'below', 'file');
      for (const at of [0, 1024 * 1024 - 5, 3 * 1024 * 1024 - bytes.length]) {
        const large = Buffer.alloc(3 * 1024 * 1024);
        bytes.copy(large, at);
        await writeFile(path, large);
        expect(await sightings([folder], [word])).to.deep.equal([{ path, word, coat }]);
      }
    });

  it('sees nothing where it is not', async () => {
    await writeFile(join(folder, 'file'), word.slice(1));
    expect(await sightings([folder], [word])).to.deep.equal([]);
  });
});
