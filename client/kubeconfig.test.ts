import { expect } from 'chai';
import { loadKubeconfig, urlsOf } from './index.ts';

const config = {
  'current-context': 'main',
  contexts: [
    { name: 'main', context: { cluster: 'c', user: 'u', namespace: 'flights' } },
    { name: 'token', context: { cluster: 'c', user: 't' } },
    { name: 'lost', context: { cluster: 'elsewhere', user: 'u' } },
  ],
  clusters: [
    {
      name: 'c',
      cluster: {
        server: 'https://127.0.0.1:6443/',
        'certificate-authority-data': Buffer.from('CA').toString('base64'),
      },
    },
  ],
  users: [
    { name: 'u', user: { 'client-certificate': 'pki/me.crt', 'client-key': '/abs/me.key' } },
    { name: 't', user: { token: 'secret' } },
  ],
};

const files: Record<string, string> = {
  '/etc/runink/config': JSON.stringify(config),
  '/etc/runink/config.yaml':
    'current-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\nclusters: [{name: a, cluster: {server: "http://h"}}]\nusers: [{name: a}]\n',
  '/etc/runink/pki/me.crt': 'CERT',
  '/abs/me.key': 'KEY',
  '/etc/runink/bad': '\t- [',
  '/etc/runink/text': 'only text',
};
const readText = (path: string): Promise<string> =>
  path in files ? Promise.resolve(files[path] ?? '') : Promise.reject(new Error(`ENOENT: no such file ${path}`));

describe('loadKubeconfig', () => {
  it('reads the current context, files relative to the kubeconfig', async () => {
    expect(await loadKubeconfig('/etc/runink/config', { readText })).to.deep.equal({
      url: 'https://127.0.0.1:6443',
      ca: 'CA',
      cert: 'CERT',
      key: 'KEY',
      namespace: 'flights',
    });
  });

  it('reads another context, with a token', async () => {
    expect(await loadKubeconfig('/etc/runink/config', { readText, context: 'token' })).to.deep.equal({
      url: 'https://127.0.0.1:6443',
      ca: 'CA',
      token: 'secret',
      namespace: 'default',
    });
  });

  describe('several servers', () => {
    const withServers = (extension: unknown) => {
      const cluster = { server: 'https://a:1', extensions: [{ name: 'runink.io/servers', extension }] };
      const text = JSON.stringify({ ...config, clusters: [{ name: 'c', cluster }] });
      return loadKubeconfig('/k', {
        context: 'token',
        readText: (path) => (path === '/k' ? Promise.resolve(text) : readText(path)),
      });
    };

    it('are those that the extension lists beside the cluster’s own, each once', async () => {
      const connection = await withServers({ servers: ['https://b:1/', 'https://a:1', 'https://c:1'] });
      expect(urlsOf(connection)).to.deep.equal(['https://a:1', 'https://b:1', 'https://c:1']);
    });

    for (const [title, extension, message] of [
      ['that are no list', { servers: 'https://b' }, 'runink.io/servers must be {servers: [URL, …]}'],
      ['without a scheme', { servers: ['b'] }, 'runink.io/servers names "b", which is no URL'],
      ['with another scheme', { servers: ['http://b'] }, 'names http://b, which has another scheme than the cluster'],
    ] as const)
      it(`refuses those ${title}`, async () => {
        let said = '';
        await withServers(extension).catch((error: unknown) => (said = String(error)));
        expect(said).to.contain(message);
      });
  });

  it('reads YAML', async () => {
    expect(await loadKubeconfig('/etc/runink/config.yaml', { readText })).to.deep.equal({
      url: 'http://h',
      namespace: 'default',
    });
  });

  for (const [title, path, context, message] of [
    [
      'no file',
      '/etc/runink/none',
      undefined,
      'kubeconfig /etc/runink/none cannot be read: ENOENT: no such file /etc/runink/none',
    ],
    ['no YAML', '/etc/runink/bad', undefined, 'kubeconfig /etc/runink/bad is not YAML: '],
    [
      'only text',
      '/etc/runink/text',
      undefined,
      'kubeconfig /etc/runink/text must be a mapping with clusters, users and contexts',
    ],
    [
      'no such context',
      '/etc/runink/config',
      'x',
      'kubeconfig /etc/runink/config has no context "x" (it has: main, token, lost)',
    ],
    [
      'no such cluster',
      '/etc/runink/config',
      'lost',
      'kubeconfig /etc/runink/config has no cluster "elsewhere" (it has: c)',
    ],
  ] as const)
    it(`says what is wrong: ${title}`, async () => {
      const error: unknown = await loadKubeconfig(path, { readText, ...(context !== undefined && { context }) }).catch(
        (cause: unknown) => cause,
      );
      expect(String(error)).to.include(`KubeconfigError: ${message}`);
    });
});
