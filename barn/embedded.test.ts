import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../base/index.ts';
import { describeBarn } from './conformance.ts';
import { openEmbeddedBarn } from './embedded.ts';

describeBarn('the embedded store', async (options) => {
  const directory = await mkdtemp(join(tmpdir(), 'barn-'));
  return {
    barn: await openEmbeddedBarn({ ...options, directory, name: 'one', log: silentLog }),
    dispose: () => rm(directory, { recursive: true }),
  };
});
