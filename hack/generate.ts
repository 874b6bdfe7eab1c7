// npm run generate: makes every generated file anew. `npm run verify` runs it and compares.
import { writeFileSync } from 'node:fs';
import { helperOffsetsText } from './generate-helper-offsets.ts';
import { typesText } from './generate-types.ts';

writeFileSync(new URL('../apis/types.gen.ts', import.meta.url), typesText());
writeFileSync(new URL('../runi-agent/helper/request.gen.ts', import.meta.url), helperOffsetsText());
