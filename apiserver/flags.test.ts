import { expect } from 'chai';
import { FlagError } from './flag-texts.ts';
import { readCommand } from './flags.ts';

const serve = (line: string) => {
  const command = readCommand(['--data', '/d', ...line.split(' ').filter((word) => word !== '')]);
  return command.do === 'serve' ? command.flags : undefined;
};

describe('apiserver: flags', () => {
  it('need a folder only', () => {
    expect(serve('')).to.deep.equal({
      name: 'apiserver',
      data: '/d',
      host: '127.0.0.1',
      port: 0,
      nodes: [],
      store: { kind: 'embedded' },
      otherUrls: [],
    });
  });

  it('say where it listens, where it is found, and who else serves', () => {
    const flags = serve(
      '--listen-client-urls https://[::]:6443 --advertise-client-urls https://s1.example:6443/ --api-servers https://s1.example:6443,https://s2.example:6443 --pki /p --node a --node b',
    );
    expect(flags).to.deep.include({
      host: '::',
      port: 6443,
      advertise: 'https://s1.example:6443',
      otherUrls: ['https://s1.example:6443', 'https://s2.example:6443'],
      pki: '/p',
      nodes: ['a', 'b'],
    });
  });

  it('take a file of tokens only from who says that it is meant', () => {
    expect(serve('--token-auth-file t --insecure-static-tokens')?.tokenFile).to.equal('t');
    expect(() => serve('--token-auth-file t')).to.throw(FlagError, 'type --insecure-static-tokens too');
    expect(() => serve('--insecure-static-tokens')).to.throw(FlagError, 'goes with --token-auth-file');
  });

  it('name an etcd', () => {
    expect(
      serve('--store etcd --etcd-endpoints https://e1:1,https://e2:1 --etcd-cafile /ca --etcd-prefix r/')?.store,
    ).to.deep.equal({ kind: 'etcd', endpoints: ['https://e1:1', 'https://e2:1'], prefix: 'r/', caFile: '/ca' });
  });

  const peers = '--peer-cert-file c --peer-key-file k --peer-trusted-ca-file a';
  it('name a group', () => {
    const flags = serve(
      `--name b --initial-cluster a=https://a:1,b=https://b:2 ${peers} --encryption-key-file e --barn-memory-bytes 5000000000`,
    );
    expect(flags?.store).to.deep.equal({
      kind: 'embedded',
      group: {
        initialCluster: [
          { name: 'a', peerUrl: 'https://a:1' },
          { name: 'b', peerUrl: 'https://b:2' },
        ],
        state: 'new',
        listen: { host: 'b', port: 2 },
        certFile: 'c',
        keyFile: 'k',
        trustedCaFile: 'a',
      },
      encryptionKeyFile: 'e',
      memoryBytes: 5_000_000_000,
    });
  });

  it('know what is done with a snapshot', () => {
    expect(readCommand(['snapshot', 'verify', 'f'])).to.deep.equal({ do: 'verify-snapshot', file: 'f' });
    expect(readCommand(['snapshot', 'restore', 'f', '--data', 'd'])).to.deep.equal({
      do: 'restore-snapshot',
      file: 'f',
      flags: { data: 'd', name: 'apiserver' },
    });
    const group = '--name b --initial-cluster a=https://a:1,b=https://b:2 --initial-cluster-token again';
    const more = '--bump-revision 7 --mark-compacted --encryption-key-file k';
    expect(readCommand(`snapshot restore f --data d ${group} ${more}`.split(' '))).to.deep.equal({
      do: 'restore-snapshot',
      file: 'f',
      flags: {
        data: 'd',
        name: 'b',
        cluster: {
          initialCluster: [
            { name: 'a', peerUrl: 'https://a:1' },
            { name: 'b', peerUrl: 'https://b:2' },
          ],
          token: 'again',
        },
        bumpRevision: 7,
        encryptionKeyFile: 'k',
      },
    });
  });

  for (const [line, words] of [
    ['--port 99999', '--port 99999 is no port'],
    ['--port 1 --listen-client-urls https://h:1', 'give one of them'],
    ['--listen-client-urls http://h:1', '--listen-client-urls: "http://h:1" is not https://HOST:PORT'],
    ['--api-servers h:1', '--api-servers: "h:1" is not https://HOST:PORT'],
    ['--store paper', '--store paper is no store'],
    ['--store etcd', '--etcd-endpoints is missing'],
    ['--store etcd --etcd-endpoints https://e:1', '--etcd-cafile is missing'],
    ['--store etcd --etcd-endpoints http://e:1 --etcd-keyfile k', 'go together'],
    ['--store etcd --etcd-endpoints http://e:1 --pki /p', '--name is missing'],
    ['--etcd-prefix r/', '--etcd-prefix goes with --store etcd'],
    ['--frob', '--frob'],
    ['--name c --initial-cluster a=https://a:1', '--name c is not among the members'],
    ['--name a --initial-cluster a=https://a:1,a=https://b:1', 'names a member or an address twice'],
    ['--name a --initial-cluster a=https://a:1', '--peer-cert-file is missing'],
    ['--name a --initial-cluster a=http://a:1', '--initial-cluster: "http://a:1" is not https://HOST:PORT'],
    ['--peer-key-file k', '--peer-key-file goes with --initial-cluster'],
    ['--election-timeout 400', 'at least five times --heartbeat-interval'],
    ['--barn-memory-bytes 1GiB', '--barn-memory-bytes 1GiB is no number of bytes'],
    ['--store etcd --etcd-endpoints http://e:1 --initial-cluster a=https://a:1', 'goes with an embedded store'],
  ] as const)
    it(`refuse ${line}`, () => {
      expect(() => serve(line)).to.throw(FlagError, words);
    });

  for (const argv of [
    [],
    ['snapshot'],
    ['snapshot', 'verify'],
    ['snapshot', 'verify', 'a', 'b'],
    ['snapshot', 'eat', 'a'],
    ['snapshot', 'restore', 'a'],
    'snapshot restore a --data d --skip-hash-check'.split(' '),
    'snapshot restore a --data d --bump-revision 0'.split(' '),
    'snapshot restore a --data d --name a --initial-cluster a=https://a:1'.split(' '),
    'snapshot restore a --data d --initial-cluster a=https://a:1 --initial-cluster-token t'.split(' '),
    'snapshot restore a --data d --initial-cluster-token t'.split(' '),
  ])
    it(`refuse "${argv.join(' ')}"`, () => {
      expect(() => readCommand(argv)).to.throw(FlagError);
    });
});
