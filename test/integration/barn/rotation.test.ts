// A member on a real disk goes from no key to a key, to another and back to none, while it serves and over restarts.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type BarnError, type EmbeddedBarn, openEmbeddedBarn, plain, type StoreKeys } from '../../../barn/index.ts';
import { silentLog, sleep, systemClock } from '../../../base/index.ts';
import { canaryOf, sightings } from '../../support/canary.ts';

const [one, two] = [
  { id: 'one', key: Buffer.alloc(32, 1) },
  { id: 'two', key: Buffer.alloc(32, 2) },
];
const untilMs = 60_000;

describe('the embedded store and keys', function () {
  this.timeout(120_000);
  let directory: string;
  const words = [canaryOf('name'), canaryOf('value'), canaryOf('former'), canaryOf('gone')];
  const [name = '', value = '', former = '', gone = ''] = words;

  beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'barn-'))));
  afterEach(() => rm(directory, { recursive: true }));

  const open = (keys?: StoreKeys): Promise<EmbeddedBarn> =>
    openEmbeddedBarn({
      ...{ directory, name: 'one', clock: systemClock, log: silentLog },
      ...(keys === undefined ? {} : { keys }),
    });
  const refusal = async (keys?: StoreKeys): Promise<BarnError> => {
    const opened = await open(keys).catch((error: BarnError) => error);
    if (opened instanceof Error) return opened;
    await opened.close();
    expect.fail('it was opened');
  };

  it('is sealed anew while it serves, forgets what was in the open, and asks for every key that it needs', async () => {
    let barn = await open();
    await put(barn, name, former);
    await put(barn, name, value);
    await put(barn, gone, gone);
    await barn.txn([], [{ do: 'delete', key: gone }]);
    await barn.close();
    const seen = await sightings([directory], words);
    expect(new Set(seen.map(({ word }) => word))).to.deep.equal(new Set(words));
    expect((await refusal([one])).message).to.contain('is not encrypted, and the encryption keys do not allow that');

    barn = await open([plain, one]);
    expect((await barn.counts()).sealing).to.deep.equal({ current: plain, log: [plain], state: [plain], left: 0 });
    await barn.useKeys([one, plain]);
    const writing = put(barn, 'meanwhile', value);
    // What is in the open must be read yet.
    const early = await barn.useKeys([one]).catch((error: BarnError) => error);
    if (early instanceof Error) expect(early.message).to.contain('keep "plain" in the list');
    await writing;
    await untilSealed(barn, 'one');
    await untilUnseen(directory, words);
    await barn.useKeys([one]);
    await barn.compact((await barn.status()).revision);
    await barn.close();
    expect(await sightings([directory], words)).to.deep.equal([]);

    expect((await refusal()).message).to.match(/encrypted with the key "one", and no encryption keys were given/);
    expect((await refusal([two])).message).to.match(/key "one", which is not among the given ones: add it/);
    expect((await refusal([{ ...one, key: two.key }])).message).to.contain(
      '"one" is not the one that the store was sealed',
    );

    barn = await open([two, one]);
    await untilSealed(barn, 'two');
    await barn.close();
    barn = await open([two]);
    expect(await read(barn, name)).to.equal(value);
    expect(await read(barn, 'meanwhile')).to.equal(value);
    await barn.useKeys([plain, two]);
    await untilSealed(barn, plain);
    await barn.close();
    expect((await sightings([directory], words)).map(({ word }) => word))
      .to.include(value)
      .and.to.include(name);
    barn = await open();
    expect(await read(barn, name)).to.equal(value);
    await barn.close();
  });

  it('refuses to let go of a key that is needed, and another key under its name', async () => {
    const barn = await open([one]);
    await put(barn, name, value);
    const refused = async (keys: StoreKeys): Promise<string> =>
      barn.useKeys(keys).then(
        () => 'done',
        (error: BarnError) => `${error.reason}: ${error.message}`,
      );
    expect(await refused([two])).to.match(/^Storage: .*the state still needs the key "one"/);
    expect(await refused([{ ...one, key: two.key }])).to.match(/^Storage: .*"one" is another one than before/);
    expect(await refused([])).to.match(/^Storage: /);
    expect((await barn.counts()).sealing.current).to.equal('one');
    await put(barn, name, former);
    await barn.close();
  });
});

async function put(barn: EmbeddedBarn, key: string, value: string): Promise<void> {
  await barn.txn([], [{ do: 'put', key, value: Buffer.from(value) }]);
}

async function read(barn: EmbeddedBarn, key: string): Promise<string> {
  return Buffer.from((await barn.range(key)).items[0]?.value ?? []).toString();
}

/** Until nothing needs another key. */
async function untilSealed(barn: EmbeddedBarn, key: string): Promise<void> {
  const wanted = { current: key, log: [key], state: [key], left: 0 };
  for (const startedMs = systemClock.monotonicMs(); ; await sleep(systemClock, 20)) {
    const { sealing } = await barn.counts();
    if (JSON.stringify(sealing) === JSON.stringify(wanted)) return;
    if (systemClock.monotonicMs() - startedMs > untilMs) expect(sealing).to.deep.equal(wanted);
  }
}

/** A log's segment that was let go of is overwritten a moment later. */
async function untilUnseen(directory: string, words: readonly string[]): Promise<void> {
  for (const startedMs = systemClock.monotonicMs(); ; await sleep(systemClock, 50)) {
    const seen = await sightings([directory], words);
    if (seen.length === 0) return;
    if (systemClock.monotonicMs() - startedMs > untilMs) expect(seen).to.deep.equal([]);
  }
}
