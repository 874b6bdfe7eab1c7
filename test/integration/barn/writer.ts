// Writes to the store in argv[2] until it is killed, and says on stdout what was acknowledged: "writer number revision".
// Each transaction touches several keys, so that half of one would show; some history is compacted on the way.
import { writeSync } from 'node:fs';
import { argv } from 'node:process';
import { openEmbeddedBarn } from '../../../barn/index.ts';
import { silentLog, systemClock } from '../../../base/index.ts';

const writers = 16;
const entriesKept = 5;

const barn = await openEmbeddedBarn({
  directory: argv[2] ?? '',
  name: 'one',
  clock: systemClock,
  log: silentLog,
  limits: { historyBytesMax: 200_000 },
});
await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));

async function write(writer: number): Promise<void> {
  const [before] = (await barn.range(`${writer}/newest`)).items;
  for (let number = before === undefined ? 1 : Number(Buffer.from(before.value)) + 1; ; number++) {
    const value = Buffer.from(String(number));
    const { revision } = await barn.txn(
      [{ target: 'version', key: `${writer}/newest`, op: '=', number: number - 1 }],
      [
        { do: 'put', key: `${writer}/entry/${number}`, value },
        { do: 'put', key: `${writer}/newest`, value },
        { do: 'delete', key: `${writer}/entry/${number - entriesKept}` },
      ],
    );
    writeSync(1, `${writer} ${number} ${revision}\n`);
    if (number % 50 === 0) await barn.compact(revision - 40);
  }
}
