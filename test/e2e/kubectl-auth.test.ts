// `kubectl auth` of both ends of the range that works: 1.20 sends JSON, 1.35 protobuf.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type ApiServer, startApiServer } from '../conformance/api-server.ts';
import { checkout, kubectlPath, type Outcome, run } from '../support/cluster.ts';

const tokens = 'viewer-token,viewer,1,"runink:viewers:default"\n';
const versions = { '1.20': join(checkout, '.cache/kubectl-1.20/kubectl'), '1.35': kubectlPath } as const;

describe('kubectl auth', function () {
  this.timeout(60_000);
  let server: ApiServer;
  before(async () => {
    server = await startApiServer(join(checkout, 'dist'), tokens);
  });
  after(() => server.stop());

  for (const [version, path] of Object.entries(versions)) {
    const kubectl = (...args: readonly string[]): Promise<Outcome> =>
      run(path, args, { env: { KUBECONFIG: server.kubeconfig, HOME: server.folder } });
    /** The kubeconfig's own user is a certificate, which would win over a token. */
    const asViewer = (...args: readonly string[]): Promise<Outcome> =>
      run(
        path,
        [
          ...args,
          '--server',
          server.url,
          '--insecure-skip-tls-verify',
          '--token',
          'viewer-token',
          '--kubeconfig',
          '/dev/null',
        ],
        { env: { HOME: server.folder } },
      );

    it(`of ${version} can say what one may do`, async function () {
      if (!existsSync(path)) return this.skip();
      for (const [asked, code, answer] of [
        [['create', 'pipelines'], 1, 'no\n'],
        [['list', 'pipelines.runink.io'], 0, 'yes\n'],
        [['get', 'runs', '--subresource', 'log'], 0, 'yes\n'],
        [['get', 'secrets'], 1, 'no\n'],
        [['get', 'pipelines', '-n', 'runink-system'], 1, 'no\n'],
        [['get', '/version'], 0, 'yes\n'],
        [['get', '/metrics'], 1, 'no\n'],
      ] as const) {
        const { code: found, stdout, stderr } = await asViewer('auth', 'can-i', ...asked);
        expect([found, stdout], `${asked.join(' ')}: ${stderr}`).to.deep.equal([code, answer]);
      }
      expect((await kubectl('auth', 'can-i', '*', '*', '-A')).stdout).to.equal('yes\n');
      const asOther = await kubectl(
        'auth',
        'can-i',
        'delete',
        'pipelines',
        '--as',
        'joe',
        '--as-group',
        'runink:viewers:default',
      );
      expect([asOther.code, asOther.stdout]).to.deep.equal([1, 'no\n']);
      const quiet = await asViewer('auth', 'can-i', 'get', 'pipelines', '-q');
      expect([quiet.code, quiet.stdout]).to.deep.equal([0, '']);
    });

    it(`of ${version} can list what one may do`, async function () {
      if (!existsSync(path)) return this.skip();
      const { code, stdout, stderr } = await asViewer('auth', 'can-i', '--list');
      expect(code, stderr).to.equal(0);
      expect(stdout).to.match(/^pipelines\.runink\.io +\[\] +\[\] +\[get list watch\]$/m);
      expect(stdout).to.match(/^selfsubjectaccessreviews\.authorization\.k8s\.io +\[\] +\[\] +\[create\]$/m);
      expect(stdout).to.match(/^ +\[\/healthz\] +\[\] +\[get\]$/m);
      expect(stdout).to.not.match(/^secrets/m);
      expect((await kubectl('auth', 'can-i', '--list')).stdout).to.match(/^\*\.\* +\[\] +\[\] +\[\*\]$/m);
    });

    it(`of ${version} is refused in Kubernetes’ words`, async function () {
      if (!existsSync(path)) return this.skip();
      const { code, stderr } = await asViewer('delete', 'pipeline', 'x');
      expect([code, stderr]).to.deep.equal([
        1,
        'Error from server (Forbidden): pipelines.runink.io "x" is forbidden: User "viewer" cannot delete resource "pipelines" in API group "runink.io" in the namespace "default"\n',
      ]);
    });
  }

  it('of 1.35 says who one is', async function () {
    if (!existsSync(kubectlPath)) return this.skip();
    const env = { KUBECONFIG: server.kubeconfig, HOME: server.folder };
    const { code, stdout, stderr } = await run(kubectlPath, ['auth', 'whoami', '-o', 'json'], { env });
    expect(code, stderr).to.equal(0);
    expect(JSON.parse(stdout).status.userInfo).to.deep.equal({
      username: 'admin',
      groups: ['system:masters', 'system:authenticated'],
    });
    const table = await run(kubectlPath, ['auth', 'whoami', '--as', 'joe'], { env });
    expect(table.stdout).to.match(/^Username +joe$/m);
  });
});
