import { describeBarn } from './conformance.ts';
import { createMemoryBarn } from './memory.ts';

describeBarn('the memory twin', async (options) => ({ barn: createMemoryBarn(options), async dispose() {} }));
