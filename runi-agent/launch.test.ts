import { expect } from 'chai';
import type { PlanStep, Run } from '../apis/index.ts';
import { edgeId, type GroupId, stagingId } from './ids.ts';
import { LaunchError, launchRequestOf, type Materials, publishRequestsOf, sliceSpecOf } from './launch.ts';
import type { SliceView } from './spawner.ts';

const group: GroupId = { herd: 'flights', runUid: 'uid-1', group: 'valid', attempt: 2 };
const staging = { herdUid: 'herd-1', volume: 'data', id: stagingId(group) };
const view: SliceView = {
  data: (volume) => `/data/${volume}`,
  stage: (volume) => `/stage/${volume}`,
  edgeIn: (index) => `/in/${index}`,
  edgeOut: (index) => `/out/${index}`,
  step: '/elsewhere/step',
  secrets: '/elsewhere/secrets',
  controlSocket: '/run/slice/agent/control.sock',
  node: '/runtime/node',
  program: '/runtime/runi-slice',
  tmp: '/tmp',
};
const contract = { name: 'flight', version: '1.0.0', mode: 'open', schema: {}, schemaHash: 'abc' } as const;
const materials: Materials = {
  herdUid: 'herd-1',
  contracts: new Map([['flight-1.0.0', contract]]),
  secrets: new Map([
    [
      'login',
      new Map([
        ['user', Buffer.from('ann')],
        ['password', Buffer.from('hush')],
      ]),
    ],
  ]),
  findProgram: (name) => `/usr/bin/${name}`,
};
const limits = { cpuMillis: 100, cpuLimitMillis: 500, memoryBytes: 128 * 1024 * 1024, pids: 64 };
const valid: PlanStep = {
  name: 'valid',
  group: 'valid',
  use: 'validate',
  runtime: 'node',
  contract: 'flight-1.0.0',
  inputs: [
    { name: 'flights', kind: 'file', volume: 'data', path: 'in/f.json', uri: 'file://data/in/f.json', format: 'json' },
  ],
  outputs: [
    { kind: 'edge', edge: 'valid.report', framed: false },
    { kind: 'file', sink: 'out', volume: 'data', path: 'out/good.ndjson', uri: 'file://data/out/good.ndjson' },
  ],
  secrets: [{ name: 'login', key: 'user', env: 'WHO' }, { name: 'login' }],
  ...limits,
};
const report: PlanStep = {
  name: 'report',
  group: 'valid',
  use: 'exec',
  runtime: 'native',
  with: { command: ['python3', '/step/report.py', '/stepping', '/run/secrets/login/user'] },
  inputs: [{ name: 'valid', kind: 'edge', edge: 'valid.report', framed: false }],
  outputs: [{ kind: 'file', sink: 'text', volume: 'data', path: 'out/report.txt', format: 'text' }],
  bundle: 'report-0123456789',
  bundleHash: 'ab'.repeat(32),
  ...limits,
};
const run: Run = {
  apiVersion: 'runink.io/v1',
  kind: 'Run',
  metadata: { name: 'delays-x1y2z', namespace: 'flights', uid: 'uid-1' },
  spec: {
    pipeline: { name: 'delays' },
    plan: {
      groups: [{ name: 'valid', steps: ['valid', 'report'], deadLetters: { volume: 'data', path: 'out/dead.ndjson' } }],
      steps: [valid, report],
      parameters: { day: 'monday' },
    },
  },
};
const id = (step: string) => ({ slot: '1-x', slice: `delays-x1y2z-${step}-2`, step, group });

describe('runi-agent: launch', () => {
  it('starts runi-slice for a step that needs it, with a heap below the limit and no inherited environment', () => {
    const request = launchRequestOf(id('valid'), run, view, materials);
    expect(request.argv).to.deep.equal([
      '/runtime/node',
      '--max-old-space-size=48',
      '/runtime/runi-slice',
      '--control',
      '/run/slice/agent/control.sock',
    ]);
    expect(request).to.deep.include({
      stdin: 'null',
      stdout: 'log',
      limits: { memoryBytesMax: 128 * 1024 * 1024, cpuMillis: 500, pidsMax: 64 },
      volumes: ['data'],
      staging: [staging],
      edgesIn: [],
      edgesOut: [edgeId('uid-1', 'valid.report', 2)],
      fullProc: false,
    });
    expect(Object.keys(request.env).filter((name) => !name.startsWith('RUNINK_'))).to.deep.equal([
      'PATH',
      'HOME',
      'TMPDIR',
      'LANG',
      'WHO',
    ]);
    expect(request.env['WHO']).to.equal('ann');
    expect(request.secrets.map(({ path }) => path)).to.deep.equal(['login/user', 'login/password']);
  });

  it('starts a program alone on plain streams, and leads what names /step to where it lies', () => {
    const request = launchRequestOf(id('report'), run, view, materials);
    expect(request).to.deep.include({
      argv: ['/usr/bin/python3', '/elsewhere/step/report.py', '/stepping', '/elsewhere/secrets/login/user'],
      stdin: { path: '/in/0' },
      stdout: { path: '/stage/data/sink-text' },
      edgesIn: [edgeId('uid-1', 'valid.report', 2)],
      bundle: 'ab'.repeat(32),
      fullProc: true,
    });
  });

  it('tells the slice what to do, with paths as it sees them', () => {
    expect(sliceSpecOf(id('valid'), run, view, materials)).to.deep.include({
      run: 'delays-x1y2z',
      slice: 'delays-x1y2z-valid-2',
      use: 'validate',
      inputs: [
        { kind: 'file', name: 'flights', path: '/data/data/in/f.json', uri: 'file://data/in/f.json', format: 'json' },
      ],
      outputs: [
        { kind: 'edge', path: '/out/0', framed: false },
        { kind: 'file', path: '/stage/data/sink-out', uri: 'file://data/out/good.ndjson', format: 'ndjson' },
      ],
      deadLetters: { path: '/stage/data/dead-letters' },
      contract,
      parameters: { day: 'monday' },
    });
  });

  it('publishes every sink of the group, dead letters last', () => {
    expect(publishRequestsOf(group, run, 'herd-1')).to.deep.equal([
      {
        staging,
        files: [
          { staged: 'sink-out', target: 'out/good.ndjson' },
          { staged: 'sink-text', target: 'out/report.txt' },
          { staged: 'dead-letters', target: 'out/dead.ndjson' },
        ],
      },
    ]);
  });

  it('refuses a step that the plan has not, and a secret without the key', () => {
    expect(() => launchRequestOf(id('none'), run, view, materials)).to.throw(LaunchError, 'has no step "none"');
    const bad = { ...materials, secrets: new Map([['login', new Map<string, Uint8Array>()]]) };
    expect(() => launchRequestOf(id('valid'), run, view, bad)).to.throw(
      LaunchError,
      'secret "login" has no key "user"',
    );
  });
});
