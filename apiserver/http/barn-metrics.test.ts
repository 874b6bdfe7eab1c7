import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { BarnError, createMemoryBarn, openEmbeddedBarn } from '../../barn/index.ts';
import { ManualClock, silentLog, systemClock } from '../../base/index.ts';
import { barnMetrics } from './barn-metrics.ts';

describe('Metrics of the store', () => {
  it('tell where a member stands and what it counted', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'barn-'));
    const barn = await openEmbeddedBarn({ directory, name: 'one', clock: systemClock, log: silentLog });
    try {
      await barn.txn([], [{ do: 'put', key: 'a', value: new Uint8Array(10) }]);
      const text = await barnMetrics(barn, systemClock);
      const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
      expect(value('etcd_server_has_leader')).to.equal(1);
      expect(value('etcd_server_is_leader')).to.equal(1);
      expect(value('etcd_server_is_learner')).to.equal(0);
      expect([value('runink_barn_format'), value('runink_barn_format_known')]).to.deep.equal([1, 1]);
      expect(value('etcd_server_leader_changes_seen_total')).to.equal(1);
      expect(value('etcd_server_proposals_failed_total')).to.equal(0);
      expect(value('etcd_server_proposals_applied_total')).to.be.greaterThan(1);
      expect(value('etcd_server_proposals_committed_total')).to.be.greaterThan(1);
      expect(value('runink_barn_log_bytes')).to.be.greaterThan(0);
      expect(value('runink_barn_disk_free_bytes')).to.be.greaterThan(0);
      expect(value('runink_barn_disk_reserve_bytes')).to.be.greaterThan(200_000_000);
      expect(value('runink_barn_encrypted')).to.equal(0);
      expect(value('runink_barn_plain')).to.equal(1);
      expect(value('runink_barn_former_keys')).to.equal(0);
      expect(value('runink_barn_records_to_seal')).to.equal(0);
      expect(value('runink_barn_values_memory_bytes')).to.equal(10);
      expect(value('runink_barn_values_read_total')).to.equal(0);
      const syncs = value('etcd_disk_wal_fsync_duration_seconds_count');
      expect(syncs).to.be.greaterThan(0);
      expect(value('etcd_disk_wal_fsync_duration_seconds_bucket{le="\\+Inf"}')).to.equal(syncs);
      for (const line of text.trimEnd().split('\n'))
        expect(line).to.match(/^(# (HELP|TYPE) \w+ .+|\w+(\{le="\S+"\})? \S+)$/);
    } finally {
      await barn.close();
      await rm(directory, { recursive: true });
    }
  });

  it('are what is known when the thread hangs or the store has ended', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'barn-'));
    const barn = await openEmbeddedBarn({ directory, name: 'one', clock: systemClock, log: silentLog });
    const clock = new ManualClock();
    try {
      // A leader is known once something was read.
      await barn.readIndex();
      const status = await barn.status();
      barn.status = () => Promise.resolve({ ...status, alarms: [{ kind: 'NOSPACE', member: 0x1a }] });
      barn.counts = () => new Promise<never>(() => undefined);
      const asked = barnMetrics(barn, clock);
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(10_000);
      const text = await asked;
      expect(text)
        .to.match(/^runink_barn_answers 0$/m)
        .and.match(/^etcd_server_has_leader 1$/m)
        .and.match(/^etcd_debugging_server_alarms\{server_id="1a",alarm_type="NOSPACE"\} 1$/m);
      expect(text).not.to.include('etcd_disk_wal_fsync_duration_seconds');
      barn.status = () => Promise.reject(new BarnError('Closed', 'closed'));
      barn.counts = () => Promise.reject(new BarnError('Closed', 'closed'));
      expect((await barnMetrics(barn, clock)).match(/^\w+ .*$/gm)).to.deep.equal(['runink_barn_answers 0']);
    } finally {
      await barn.close();
      await rm(directory, { recursive: true });
    }
  });

  it('are none where the servers keep no store', async () => {
    const barn = createMemoryBarn();
    expect(await barnMetrics(barn, systemClock)).to.equal('');
    await barn.close();
  });
});
