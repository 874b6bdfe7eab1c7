import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { type Log, silentLog, systemClock } from '../../base/index.ts';
import { type Credentials, createAuthority, issue, type TrustedCredentials, writePrivate } from '../../pki/index.ts';
import { Renewals } from './renewals.ts';

const deadlineMs = 20_000;

describe('Renewals of certificates', function () {
  this.timeout(60_000);
  let folder: string;
  let authority: Credentials;
  let first: TrustedCredentials;
  let renewals: Renewals;
  let used: TrustedCredentials[];
  let errors: string[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'renewals-'));
    authority = await createAuthority('ca', systemClock);
    first = await made();
    used = [];
    errors = [];
    await put(first);
    const log: Log = { ...silentLog, error: (_, fields) => void errors.push(String(fields?.['error'])) };
    renewals = new Renewals({ clock: systemClock, log });
    renewals.keep({ name: 'peer', files: files(), inUse: first, use: (credentials) => void used.push(credentials) });
  });
  afterEach(async () => {
    renewals.close();
    await rm(folder, { recursive: true, force: true });
  });

  const at = (name: string): string => join(folder, 'tls', name);
  const files = () => ({ certificate: at('a.crt'), key: at('a.key'), authority: at('ca.crt') });

  async function made(from: Credentials = authority): Promise<TrustedCredentials> {
    const leaf = await issue(from, { commonName: 'a', usage: 'peer' }, systemClock);
    return { ...leaf, authority: authority.certificate };
  }

  async function put({ certificate, key, authority: ca }: TrustedCredentials): Promise<void> {
    await mkdir(at(''), { recursive: true });
    await writePrivate(at('a.key'), key);
    await writePrivate(at('a.crt'), certificate);
    await writePrivate(at('ca.crt'), ca);
  }

  async function until(isSo: () => boolean): Promise<void> {
    const endMs = Date.now() + deadlineMs;
    while (!isSo()) {
      if (Date.now() > endMs) throw new Error(`not in time: ${JSON.stringify({ errors, states: renewals.states() })}`);
      await pause(20);
    }
  }

  it('are taken when their files are replaced, each time', async () => {
    for (const count of [1, 2]) {
      const next = await made();
      await put(next);
      await until(() => used.length === count);
      expect(used.at(-1)).to.deep.equal(next);
    }
    const { validTo } = new X509Certificate(used.at(-1)?.certificate ?? '');
    // A look between the writing of key and certificate is refused, and counted.
    const { name, endsMs, taken } = renewals.states()[0] ?? {};
    expect([name, endsMs, taken]).to.deep.equal(['peer', Date.parse(validTo), 2]);
  });

  it('are refused when they are bad, and the ones before stay in use', async () => {
    await writeFile(at('a.crt'), 'garbage');
    await until(() => errors.length === 1);
    const { certificate } = await made(await createAuthority('foreign', systemClock));
    await writeFile(at('a.crt'), certificate);
    await until(() => errors.length === 2);
    expect(errors[0]).to.equal('there is no certificate');
    expect([used, renewals.states()[0]?.refused]).to.deep.equal([[], 2]);
    // Nothing is new about the old ones.
    await put(first);
    const next = await made();
    await put(next);
    await until(() => used.length === 1);
    expect(used).to.deep.equal([next]);
  });

  it('are refused when who is to use them refuses', async () => {
    let refusal: Error | undefined = new Error('not bearing the name');
    renewals.keep({
      name: 'api',
      files: files(),
      inUse: first,
      use: () => {
        if (refusal !== undefined) throw refusal;
      },
    });
    await put(await made());
    await until(() => errors.includes('not bearing the name'));
    refusal = undefined;
    await writeFile(at('other'), 'something else in the folder');
    await until(() => renewals.states()[1]?.taken === 1);
  });

  it('are seen in a folder that takes the place of the watched one', async () => {
    const next = await made();
    await mkdir(join(folder, 'new'));
    await writeFile(join(folder, 'new', 'a.crt'), next.certificate);
    await writeFile(join(folder, 'new', 'a.key'), next.key);
    await writeFile(join(folder, 'new', 'ca.crt'), next.authority);
    await rename(at(''), join(folder, 'old'));
    await until(() => errors.some((error) => error.includes('ENOENT')));
    await rename(join(folder, 'new'), at(''));
    await until(() => used.length === 1);
    const last = await made();
    await put(last);
    await until(() => used.length === 2);
    expect(used).to.deep.equal([next, last]);
  });
});
