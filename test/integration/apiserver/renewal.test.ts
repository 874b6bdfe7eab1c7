// The certificate that clients see is renewed in its files while the server runs.
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { createMemoryBarn } from '../../../barn/index.ts';
import { systemClock } from '../../../base/index.ts';
import { createAuthority, issue, writePrivate } from '../../../pki/index.ts';
import { startTestServer, type TestServer } from './support.ts';

const deadlineMs = 20_000;

describe('apiserver: a certificate renewed while it runs', function () {
  this.timeout(60_000);
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(async () => {
    await server.close();
    await rm(server.data, { recursive: true, force: true });
  });

  async function until(isSo: () => Promise<boolean>): Promise<void> {
    const endMs = Date.now() + deadlineMs;
    while (!(await isSo())) {
      if (Date.now() > endMs) throw new Error('the certificate was not taken up in time');
      await pause(50);
    }
  }

  async function reloads(of: TestServer): Promise<string | undefined> {
    const { text } = await of.ask('GET', '/metrics');
    return /^runink_apiserver_certificate_reloads_total\{certificate="api",result="success"\} (\d+)$/m.exec(text)?.[1];
  }

  async function serialShown(): Promise<string | undefined> {
    const ca = await readFile(join(server.data, 'pki', 'ca.crt'));
    const { hostname: host, port } = new URL(server.url);
    const socket: TLSSocket = connect({ host, port: Number(port), ca });
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    const serial = socket.getPeerX509Certificate()?.serialNumber;
    socket.destroy();
    return serial;
  }

  it('may be of another authority, while clients of both come in', async () => {
    const data = await mkdtemp(join(tmpdir(), 'authorities-'));
    const barn = createMemoryBarn();
    const pki = join(data, 'pki');
    let server = await startTestServer({ data, barn });
    const codeOf = async (as: string): Promise<number> => (await server.ask('GET', '/api/v1/secrets', { as })).code;
    const next = await createAuthority('next', systemClock);
    const old = await readFile(join(pki, 'ca.crt'), 'utf8');
    const asked = { commonName: 'admin', organizations: ['system:masters'], usage: 'client' } as const;
    const client = await issue(next, asked, systemClock);
    await writePrivate(join(pki, 'next.key'), client.key);
    await writePrivate(join(pki, 'next.crt'), client.certificate);
    const before = await codeOf('next');
    await writePrivate(join(pki, 'ca.crt'), `${old}\n${next.certificate}`);
    await until(async () => (await reloads(server)) === '1');
    // A connection of its own: the one before was made under the old authority.
    for (const [name, text] of [
      ['key', client.key],
      ['crt', client.certificate],
    ] as const)
      await writePrivate(join(pki, `again.${name}`), text);
    expect([before, await codeOf('again'), await codeOf('admin')]).to.deep.equal([401, 200, 200]);
    await server.close();

    for (const [name, text] of [
      ['key', await readFile(join(pki, 'admin.key'), 'utf8')],
      ['crt', await readFile(join(pki, 'admin.crt'), 'utf8')],
    ] as const)
      await writePrivate(join(pki, `old.${name}`), text);
    await writePrivate(join(pki, 'ca.crt'), `${next.certificate}\n${old}`);
    await writePrivate(join(pki, 'ca.key'), next.key);
    server = await startTestServer({ data, barn });
    expect(
      new X509Certificate(await readFile(join(pki, 'apiserver.crt'))).verify(
        new X509Certificate(next.certificate).publicKey,
      ),
    ).to.equal(true);
    expect([await codeOf('admin'), await codeOf('old')]).to.deep.equal([200, 200]);
    await server.close();
    await barn.close();
    await rm(data, { recursive: true });
  });

  it('is shown to new connections, and those that stand go on', async () => {
    const pki = join(server.data, 'pki');
    const authority = {
      certificate: await readFile(join(pki, 'ca.crt'), 'utf8'),
      key: await readFile(join(pki, 'ca.key'), 'utf8'),
    };
    const watch = await server.watch('/api/v1/secrets?watch=true');
    const before = await serialShown();
    const request = { commonName: 'runink-apiserver', usage: 'server', ipAddresses: ['127.0.0.1'] } as const;
    const { certificate, key } = await issue(authority, request, systemClock);
    await writePrivate(join(pki, 'apiserver.key'), key);
    await writePrivate(join(pki, 'apiserver.crt'), certificate);
    await until(async () => (await serialShown()) !== before);
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'after' } };
    await server.ask('POST', '/api/v1/namespaces/default/secrets', { body: secret });
    await watch.wait((events) => events.some(({ object }) => String(object.metadata?.name) === 'after'));
    watch.stop();
    expect(await reloads(server)).to.equal('1');
    const { text } = await server.ask('GET', '/metrics');
    expect(text).to.match(/^runink_apiserver_certificate_expiration_timestamp_seconds\{certificate="api"\} \d{10}$/m);
  });
});
