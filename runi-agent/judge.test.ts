import { expect } from 'chai';
import { type EndCause, judge, type MemberEnd } from './judge.ts';
import type { SlotExit } from './spawner.ts';

const counters = { recordsIn: 1, recordsOut: 1, recordsRejected: 0, bytesIn: 9, bytesOut: 9 };
const exit = (more: Partial<SlotExit> = {}): SlotExit => ({
  slot: 's',
  exitCode: 0,
  signal: null,
  oomKilled: false,
  memoryPeakBytes: 0,
  cpuMs: 0,
  pidsRefused: 0,
  cpuThrottled: 0,
  ...more,
});
let order = 0;
const end = (step: string, more: Partial<MemberEnd> = {}): MemberEnd => ({
  slice: `run-${step}-1`,
  step,
  runtime: 'node',
  order: order++,
  exit: exit(),
  killed: false,
  limits: { pidsMax: 64, cpuMillis: 500, memoryBytes: 64 * 1024 * 1024 },
  completionTime: '2026-01-01T00:00:00Z',
  ...more,
});
const ok = { ok: true, reason: '', message: '', counters };
const bad = (reason: string) => ({ ok: false, reason, message: `because of ${reason}`, counters });
const killed = { exit: exit({ exitCode: null, signal: 9 }), killed: true };

function said(ends: readonly MemberEnd[], cause?: EndCause): readonly string[] {
  return judge(ends, cause).map((status) => [status.phase, status.reason, status.message].filter(Boolean).join(' | '));
}

describe('runi-agent: judge', () => {
  const table: readonly (readonly [string, readonly MemberEnd[], EndCause | undefined, readonly string[]])[] = [
    [
      'succeeds when every slice exited 0 and reported ok',
      [end('a', { result: ok }), end('b', { runtime: 'native' })],
      undefined,
      ['Succeeded', 'Succeeded'],
    ],
    [
      'blames the slice at fault and names it in the others',
      [
        end('a', { exit: exit({ exitCode: 1 }), result: bad('UpstreamFailed') }),
        end('b', { exit: exit({ exitCode: 1 }), result: bad('DecodeFailed') }),
        end('c', killed),
      ],
      undefined,
      [
        'Failed | GroupFailed | step "b" (slice run-b-1) failed: DecodeFailed',
        'Failed | DecodeFailed | because of DecodeFailed',
        'Failed | GroupFailed | step "b" (slice run-b-1) failed: DecodeFailed',
      ],
    ],
    [
      'prefers a slice out of memory over the program that lost its reader',
      [
        end('up', { runtime: 'native', exit: exit({ exitCode: null, signal: 13 }) }),
        end('down', { exit: exit({ exitCode: null, signal: 9, oomKilled: true, memoryPeakBytes: 5 }) }),
      ],
      undefined,
      [
        'Failed | GroupFailed | step "down" (slice run-down-1) failed: OOMKilled',
        'Failed | OOMKilled | it needed more memory than its limit of 64Mi',
      ],
    ],
    [
      'names a heap that reached its limit',
      [end('a', { exit: exit({ exitCode: null, signal: 6 }) })],
      undefined,
      ['Failed | OOMKilled | its JavaScript heap reached what the memory limit of 64Mi allows'],
    ],
    [
      'names limits that held a failed step',
      [
        end('a', {
          runtime: 'native',
          exit: exit({ exitCode: 3, pidsRefused: 41, cpuThrottled: 7 }),
        }),
      ],
      undefined,
      [
        'Failed | StepFailed | it exited with code 3; PidsLimit: 41 forks were refused at 64 processes; CpuThrottled: held at 500m cpu in 7 periods',
      ],
    ],
    [
      'does not take an exit without a result for a success',
      [end('a')],
      undefined,
      ['Failed | ProtocolError | it ended without saying how it went'],
    ],
    [
      'believes a failed exit over a good report',
      [end('a', { exit: exit({ exitCode: 4 }), result: ok })],
      undefined,
      ['Failed | StepFailed | it exited with code 4'],
    ],
    [
      'names the launch that failed',
      [end('a', { refusal: { reason: 'LaunchFailed', message: 'no volume "x"' } }), end('b', killed)],
      undefined,
      ['Failed | LaunchFailed | no volume "x"', 'Failed | GroupFailed | step "a" (slice run-a-1) failed: LaunchFailed'],
    ],
    [
      'calls cancelled what was deleted',
      [end('a', { ...killed, exit: exit({ exitCode: null, signal: 9, cpuThrottled: 3 }) }), end('b', killed)],
      { kind: 'cancelled', slices: ['run-a-1'] },
      [
        'Failed | Cancelled | it was deleted while it ran; CpuThrottled: held at 500m cpu in 3 periods',
        'Failed | GroupFailed | slice run-a-1 was cancelled',
      ],
    ],
    [
      'says what became of a group that another ended',
      [end('a', killed)],
      { kind: 'gone', message: 'slice run-b-1 is gone or was ended by another' },
      ['Failed | GroupFailed | slice run-b-1 is gone or was ended by another'],
    ],
  ];
  for (const [title, ends, cause, expected] of table)
    it(title, () => expect(said(ends, cause)).to.deep.equal(expected));

  it('carries what was measured', () => {
    const [status] = judge([
      end('a', {
        result: ok,
        exit: exit({ memoryPeakBytes: 4096, cpuMs: 12.4 }),
        startTime: '2025-12-31T23:59:59Z',
      }),
    ]);
    expect(status).to.deep.equal({
      phase: 'Succeeded',
      startTime: '2025-12-31T23:59:59Z',
      completionTime: '2026-01-01T00:00:00Z',
      exitCode: 0,
      counters,
      memoryPeakBytes: 4096,
      cpuMs: 12,
    });
  });
});
