import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { silentLog, systemClock } from '../base/index.ts';
import { createPeerAuthority, type PeerAuthority, peerCredentials } from '../test/support/peer-certificates.ts';
import { BarnError, type ReplicatedBarn } from './barn.ts';
import { expectReason, list, put, streamOf } from './conformance/support.ts';
import { openEmbeddedBarn } from './embedded.ts';
import type { StoreKey } from './keys.ts';
import { type RestoreBarnOptions, restoreBarn, verifySnapshot } from './restore.ts';

const common = { clock: systemClock, log: silentLog };
const keys: readonly StoreKey[] = [{ id: 'k1', key: Buffer.alloc(32, 1) }];

describe('a member restored from a saved snapshot', function () {
  this.timeout(120_000);
  let folder: string;
  let saved: Buffer;
  let sealed: Buffer;
  let lastRevision = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'barn-restore-'));
    const barn = await openEmbeddedBarn({ ...common, directory: join(folder, 'source'), name: 'old', keys });
    await put(barn, 'canary-key', 'canary-value');
    await put(barn, 'b', '1');
    await put(barn, 'b', '2');
    sealed = await collect(barn.snapshot());
    saved = await collect(barn.snapshot(undefined, { open: true }));
    for (let write = 0; write < 5; write++) await put(barn, 'later', String(write));
    lastRevision = await barn.readIndex();
    await barn.close();
  });
  after(() => rm(folder, { recursive: true }));

  const at = (name: string): string => join(folder, name);
  const restore = (name: string, more: Partial<RestoreBarnOptions> = {}) =>
    restoreBarn({ chunks: streamOf([saved]), directory: at(name), name, ...more });

  it('goes on with its keys, above every revision of before, which are all compacted', async () => {
    const restored = await restore('alone');
    expect(restored.revision).to.be.greaterThan(lastRevision);
    await using barn = await opened({ directory: at('alone'), name: 'alone' });
    expect(await barn.readIndex()).to.equal(restored.revision);
    expect((await list(barn)).map((kv) => (kv as { key: string }).key)).to.deep.equal(['b', 'canary-key']);
    const { hash, compactRevision } = await barn.status();
    expect([hash, compactRevision]).to.deep.equal([restored.hash, restored.revision]);
    for (const revision of [1, lastRevision, restored.revision - 1]) {
      const watch = barn.watch('a', 'z', revision).then((events) => events.next());
      await expectReason(watch, 'Compacted', restored.revision);
    }
    expect((await put(barn, 'b', '3')).revision).to.equal(restored.revision + 1);
  });

  it('starts again after that, and its snapshot can be restored in its turn', async () => {
    await using barn = await opened({ directory: at('alone'), name: 'alone' });
    const chunks = streamOf([await collect(barn.snapshot())]);
    const again = await restore('again', { chunks, raiseRevisionBy: 7 });
    expect(again.revision).to.equal((await barn.readIndex()) + 7);
  });

  it('keeps what is encrypted encrypted, in the file and in the member, and asks for the key', async () => {
    expect([saved.includes('canary'), sealed.includes('canary')]).to.deep.equal([true, false]);
    expect((await verifySnapshot(streamOf([sealed]), keys)).keys).to.equal(2);
    const chunks = (): AsyncIterable<Uint8Array> => streamOf([sealed]);
    const wrong = [{ id: 'k1', key: Buffer.alloc(32, 9) }];
    await expectReason(restore('sealed', { chunks: chunks() }), 'Storage');
    await expectReason(restore('sealed', { chunks: chunks(), keys: wrong }), 'Corrupt');
    expect(existsSync(at('sealed'))).to.equal(false);
    await restore('sealed', { chunks: chunks(), keys });
    await using barn = await opened({ directory: at('sealed'), name: 'sealed', keys });
    expect(Buffer.from((await barn.range('canary-key')).items[0]?.value ?? []).toString()).to.equal('canary-value');
    await expectReason(openEmbeddedBarn({ ...common, directory: at('sealed'), name: 'sealed' }), 'Storage');
  });

  it('is not made of a damaged file, and nothing is left', async () => {
    for (const bytes of [saved, sealed])
      for (const place of [0, 30, bytes.length >> 1, bytes.length - 1]) {
        const flipped = Buffer.from(bytes);
        flipped.writeUInt8(flipped.readUInt8(place) ^ 1, place);
        for (const damaged of [flipped, bytes.subarray(0, place)])
          await expectReason(restore('damaged', { chunks: streamOf([damaged]), keys }), 'Corrupt');
      }
    expect([existsSync(at('damaged')), existsSync(at('damaged.restoring'))]).to.deep.equal([false, false]);
  });

  it('is not made where something is', async () => {
    await mkdir(at('full'));
    await writeFile(join(at('full'), 'mine'), 'mine');
    await expectReason(restore('full'), 'Storage');
    expect(await readFile(join(at('full'), 'mine'), 'utf8')).to.equal('mine');
    await mkdir(at('empty'));
    await restore('empty');
    await expectReason(restore('empty'), 'Storage');
  });

  it('does not start with nothing when the restore was killed, and the next one succeeds', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield saved.subarray(0, 100);
      // As kill -9 would leave it: nobody tidies up.
      await mkdir(at('cut.restoring'), { recursive: true });
      await writeFile(join(at('cut.restoring'), 'member.json'), '{}');
      await new Promise(() => {});
    }
    void restore('cut', { chunks: broken() });
    await until(() => existsSync(join(at('cut.restoring'), 'member.json')));
    await expectReason(openEmbeddedBarn({ ...common, directory: at('cut'), name: 'cut' }), 'Storage');
    // The one that hangs has it open.
    await expectReason(restore('cut'), 'Storage');
    await mkdir(at('killed.restoring'));
    await expectReason(openEmbeddedBarn({ ...common, directory: at('killed'), name: 'killed' }), 'Storage');
    await restore('killed');
    await (await openEmbeddedBarn({ ...common, directory: at('killed'), name: 'killed' })).close();
  });

  it('is a group of three, equal by hash, of which the third may begin empty', async () => {
    const authority = await createPeerAuthority();
    const initialCluster = await Promise.all(
      ['a', 'b', 'c'].map(async (name) => ({ name, peerUrl: `https://127.0.0.1:${await freePort()}` })),
    );
    const cluster = { initialCluster, token: 'restored' };
    const restored = [await restore('a', { cluster }), await restore('b', { cluster })];
    expect(new Set(restored.map(({ hash, revision }) => `${hash}/${revision}`)).size).to.equal(1);
    const member = (name: string, token?: string) => memberOf(authority, cluster.initialCluster, name, token);
    await expectReason(openEmbeddedBarn({ ...(await member('a', 'other')), directory: at('a') }), 'Membership');
    const group = await Promise.all(
      ['a', 'b', 'c'].map(async (name) =>
        // Who began under a name goes on under it; only one that begins must be told.
        openEmbeddedBarn({ ...(await member(name, name === 'c' ? 'restored' : undefined)), directory: at(name) }),
      ),
    );
    const [first] = group as readonly ReplicatedBarn[] as [ReplicatedBarn, ...ReplicatedBarn[]];
    await until(() => put(first, 'new', '1').then(() => true, isNotReady));
    const revision = await first.readIndex();
    for (const barn of group) {
      await until(async () => (await barn.status()).revision === revision);
      expect((await list(barn)).length).to.equal(3);
    }
    const hashes = await Promise.all(group.map(async (barn) => (await barn.status()).hash));
    expect(new Set(hashes).size, String(hashes)).to.equal(1);

    // What is saved of this group begins no other of the same name.
    const chunks = (): AsyncIterable<Uint8Array> => first.snapshot();
    await expectReason(restore('d', { name: 'a', chunks: chunks(), cluster }), 'Membership');
    await restore('d', { name: 'a', chunks: chunks(), cluster: { ...cluster, token: 'once more' } });
    await Promise.all(group.map((barn) => barn.close()));
  });
});

async function opened(options: {
  readonly directory: string;
  readonly name: string;
  readonly keys?: readonly StoreKey[];
}): Promise<ReplicatedBarn & AsyncDisposable> {
  const barn = await openEmbeddedBarn({ ...common, ...options });
  return Object.assign(barn, { [Symbol.asyncDispose]: () => barn.close() });
}

async function memberOf(
  authority: PeerAuthority,
  initialCluster: readonly { readonly name: string; readonly peerUrl: string }[],
  name: string,
  token: string | undefined,
) {
  const url = new URL(initialCluster.find((member) => member.name === name)?.peerUrl ?? '');
  const credentials = await peerCredentials(authority, name);
  const listen = { host: url.hostname, port: Number(url.port) };
  const given = token === undefined ? {} : { token };
  return { ...common, name, cluster: { state: 'new', initialCluster, listen, credentials, ...given } } as const;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = AbortSignal.timeout(60_000);
  while (!(await holds())) {
    if (deadline.aborted) throw new Error('it did not come to pass in 60 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function isNotReady(error: unknown): boolean {
  if (error instanceof BarnError && (error.reason === 'NoLeader' || error.reason === 'Unknown')) return false;
  throw error;
}
