// npm run generate: makes every generated file anew. `npm run verify` runs it and compares.
import { mkdirSync, writeFileSync } from 'node:fs';
import { helperOffsetsText } from './generate-helper-offsets.ts';
import { crdTexts } from './generate-manifests.ts';
import { typesText } from './generate-types.ts';

writeFileSync(new URL('../apis/types.gen.ts', import.meta.url), typesText());
writeFileSync(new URL('../runi-agent/helper/request.gen.ts', import.meta.url), helperOffsetsText());
const crds = new URL('../manifests/crds/', import.meta.url);
mkdirSync(crds, { recursive: true });
for (const [file, text] of crdTexts()) writeFileSync(new URL(file, crds), text);
