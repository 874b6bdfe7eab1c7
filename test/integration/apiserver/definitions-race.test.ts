// Several servers, a definition that changes, goes and comes, and writers that do not wait: what the store has is judged
// afterwards, revision by revision. Nothing may be written by a schema that was replaced, nor under a definition that is gone.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Barn, type BarnEvent, createMemoryBarn } from '../../../barn/index.ts';
import { seededRandom } from '../../../base/index.ts';
import { type Json, startTestServer, type TestServer } from './support.ts';
import { define, definitionsPath, gone, widget, widgets, widgetsPath } from './widgets.ts';

const seed = Number(process.env.RUNINK_SEED ?? 17);
const rounds = 4;
const changesMax = 6;
/** How much later than the one before it each server hears what has changed. */
const lagMs = 20;
const merge = 'application/merge-patch+json';
const one = `${definitionsPath}/widgets.example.com`;

/** A schema that lets sizes up to `maximum` in. */
const upTo = (maximum: number) => {
  const size = { type: 'integer', maximum };
  const openAPIV3Schema = { type: 'object', properties: { spec: { type: 'object', properties: { size } } } };
  return { versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }] };
};

describe('apiserver: definitions that change under writers', () => {
  let barn: Barn;
  let folder: string;
  let servers: TestServer[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'definitions-race-'));
    barn = createMemoryBarn();
    servers = await Promise.all(
      ['s1', 's2', 's3'].map((name, index) =>
        startTestServer({ barn: lagging(barn, index * lagMs), data: join(folder, name), pki: join(folder, 'pki') }),
      ),
    );
  });
  after(async () => {
    await Promise.all(servers.map((server) => server.close()));
    await barn.close();
    await rm(folder, { recursive: true, force: true });
  });

  it(`let nothing be written that the definition of that moment does not allow (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const pick = (count: number) => Math.floor(random.next() * count);
    const some = () => servers[pick(servers.length)] as TestServer;
    let isOver = false;
    const codes = new Map<number, number>();
    const count = (code: number) => codes.set(code, (codes.get(code) ?? 0) + 1);
    const write = async (writer: number): Promise<void> => {
      for (let index = 0; !isOver; index++) {
        const name = `w${writer}-${index % 5}`;
        const size = pick(changesMax + 3);
        const made = await some().ask('POST', widgetsPath, { body: widget(name, { size }) });
        count(made.code);
        if (made.code !== 409) continue;
        const patched = await some().ask('PATCH', `${widgetsPath}/${name}`, { body: { spec: { size } }, type: merge });
        count(patched.code);
      }
    };
    const writers = [0, 1, 2, 3].map(write);
    for (let round = 0; round < rounds; round++) {
      await define(some(), widgets(upTo(changesMax)));
      for (let change = 0; change < changesMax; change++) {
        const body = { spec: upTo(1 + pick(changesMax)) };
        const changed = await some().ask('PATCH', one, { body, type: merge });
        expect(changed.code, changed.text).to.equal(200);
      }
      await gone(some());
    }
    isOver = true;
    await Promise.all(writers);
    expect([...codes.keys()]).to.include.members([201, 404, 422]);
    const unexpected = [...codes.keys()].filter((code) => ![200, 201, 404, 405, 409, 422].includes(code));
    expect(unexpected, JSON.stringify([...codes])).to.deep.equal([]);
    const history = await allEvents(barn);
    expect(violations(history)).to.deep.equal([]);
    expect(history.filter(({ kv }) => kv.key.startsWith('/registry/example.com/')).length).to.be.greaterThan(20);
    const left = await barn.range('/registry/example.com/', '/registry/example.com0');
    expect(left.count).to.equal(0);
  });
});

/** The store as a member has it that is behind: what it is told by watches comes late. */
function lagging(barn: Barn, ms: number): Barn {
  return {
    range: (...args) => barn.range(...args),
    txn: (...args) => barn.txn(...args),
    readIndex: () => barn.readIndex(),
    watch: async (...args) => late(await barn.watch(...args), ms),
    compact: (revision) => barn.compact(revision),
    members: () => barn.members(),
    status: () => barn.status(),
    snapshot: (signal) => barn.snapshot(signal),
    close: () => Promise.resolve(),
  };
}

async function* late<T>(items: AsyncIterable<T>, ms: number): AsyncGenerator<T> {
  for await (const item of items) {
    await new Promise((resolve) => setTimeout(resolve, ms));
    yield item;
  }
}

async function allEvents(barn: Barn): Promise<readonly BarnEvent[]> {
  const until = await barn.readIndex();
  const abort = new AbortController();
  const events: BarnEvent[] = [];
  for await (const batch of await barn.watch('/', '0', 1, { progress: true, signal: abort.signal })) {
    events.push(...batch.events);
    if (batch.revision >= until) break;
  }
  abort.abort();
  return events;
}

/** What was written and was not allowed, told by key and revision. */
function violations(events: readonly BarnEvent[]): readonly string[] {
  const found: string[] = [];
  const sizes = new Map<string, Json | undefined>();
  let now: Json | undefined;
  for (const { type, kv } of events) {
    const value = type === 'put' ? (JSON.parse(Buffer.from(kv.value).toString()) as Json) : undefined;
    if (kv.key.startsWith('/registry/apiextensions.k8s.io/')) now = value;
    const uid = /^\/registry\/example\.com\/widgets@([^/]+)\//.exec(kv.key)?.[1];
    if (uid === undefined) continue;
    const before = sizes.get(kv.key);
    sizes.set(kv.key, value?.spec?.size);
    // What was let in before may stay: a mark for deletion, or a write of something else.
    if (value === undefined || value.spec?.size === before) continue;
    const schema = (now?.spec?.versions as unknown as Json[] | undefined)?.[0]?.schema?.openAPIV3Schema;
    const maximum = Number(schema?.properties?.spec?.properties?.size?.maximum);
    if (uid !== String(now?.metadata?.uid)) found.push(`${kv.key}@${kv.modRevision}: the definition is gone`);
    else if (Number(value.spec?.size) > maximum)
      found.push(`${kv.key}@${kv.modRevision}: ${String(value.spec?.size)} is more than ${maximum}`);
  }
  return found;
}
