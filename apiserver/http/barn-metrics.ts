// What the server's member of the store measures, under etcd's names where etcd measures the same.
import {
  type Barn,
  type MemberCounts,
  type MemberStatus,
  plain,
  type SealingCounts,
  type TimeCounts,
} from '../../barn/index.ts';
import type { Clock } from '../../base/index.ts';
import { inTime, isReplicated } from '../storage/barn-health.ts';

/** The store's thread may hang: what it counts is waited for so long, and left out of the metrics then. */
const answerMsMax = 1_000;

/**
 * Metrics of the store in Prometheus' text format; empty where the store is kept elsewhere. What the store does not say in time,
 * or refuses, is left out: metrics are wanted most when something hangs.
 */
export async function barnMetrics(barn: Barn, clock: Clock): Promise<string> {
  if (!isReplicated(barn)) return '';
  const [status, counts] = await Promise.all([
    inTime(barn.status(), answerMsMax, clock),
    inTime(barn.counts(), answerMsMax, clock),
  ]);
  const answers = Number(counts !== undefined);
  return [
    one('runink_barn_answers', 'gauge', 'Whether the store said in time what it counts.', answers),
    ...(status === undefined ? [] : standing(status)),
    ...(counts === undefined ? [] : counted(counts)),
  ].join('');
}

function standing({ raft, sizeBytes, format, alarms, disk }: MemberStatus): readonly string[] {
  const { id = 0, leader = 0, committed = 0, applied = 0, isLearner = false } = raft ?? {};
  return [
    one('etcd_server_has_leader', 'gauge', 'Whether a leader is known.', Number(leader !== 0)),
    one('etcd_server_is_leader', 'gauge', 'Whether this member leads.', Number(leader === id)),
    one('etcd_server_is_learner', 'gauge', 'Whether this member has no vote.', Number(isLearner)),
    one('etcd_server_proposals_committed_total', 'gauge', 'The last entry known to be committed.', committed),
    one('etcd_server_proposals_applied_total', 'gauge', 'The last entry applied here.', applied),
    one('etcd_mvcc_db_total_size_in_bytes', 'gauge', 'What the member takes on disk.', sizeBytes),
    alarmed(alarms),
    ...(disk === undefined
      ? []
      : [
          one('runink_barn_disk_free_bytes', 'gauge', 'What is free on the disk of the member.', disk.freeBytes),
          one('runink_barn_disk_reserve_bytes', 'gauge', 'With less free, nothing is put.', disk.reserveBytes),
        ]),
    ...(format === undefined
      ? []
      : [
          one('runink_barn_format', 'gauge', 'The format in which the group writes entries.', format.written),
          one('runink_barn_format_known', 'gauge', 'The newest format that this member knows.', format.known),
        ]),
  ];
}

/** One line for each alarm of the group, under etcd's name; whose it is by its number, as `member list` shows it. */
function alarmed(alarms: MemberStatus['alarms']): string {
  const name = 'etcd_debugging_server_alarms';
  const lines = alarms.map(
    ({ kind, member }) => `${name}{server_id="${member.toString(16)}",alarm_type="${kind}"} 1\n`,
  );
  return `${head(name, 'gauge', 'Alarms of all members.')}${lines.join('')}`;
}

function counted(counts: MemberCounts): readonly string[] {
  const { leaderChanges, proposalsPending, proposalsFailed, logBytes, syncs, connected } = counts;
  const { snapshotsSent, snapshotsReceived, values } = counts;
  return [
    one('etcd_server_leader_changes_seen_total', 'counter', 'Leaders seen since the start.', leaderChanges),
    one('etcd_server_proposals_pending', 'gauge', 'Writes that wait for the group.', proposalsPending),
    one('etcd_server_proposals_failed_total', 'counter', 'Writes refused or without an answer.', proposalsFailed),
    histogram('etcd_disk_wal_fsync_duration_seconds', 'Time of a synced write to the log.', syncs),
    one('runink_barn_log_bytes', 'gauge', 'Size of the log.', logBytes),
    one('runink_barn_peers', 'gauge', 'Members with a live connection.', connected),
    one('runink_barn_snapshots_sent_total', 'counter', 'Snapshots sent to members that lagged.', snapshotsSent),
    one('runink_barn_snapshots_received_total', 'counter', 'Snapshots installed here.', snapshotsReceived),
    one('runink_barn_values_memory_bytes', 'gauge', 'Values that are in memory.', values.memoryBytes),
    one('runink_barn_values_read_total', 'counter', 'Values read back from the disk.', values.read),
    ...sealed(counts.sealing),
  ];
}

function sealed({ current, log, state, left }: SealingCounts): readonly string[] {
  const older = new Set([...log, ...state].filter((id) => id !== current));
  const [inOpen, isOpen] = [log.includes(plain) || state.includes(plain), current === plain];
  return [
    one('runink_barn_encrypted', 'gauge', 'Whether what is written is encrypted.', Number(!isOpen)),
    one('runink_barn_plain', 'gauge', 'Whether something on disk may not be encrypted.', Number(inOpen || isOpen)),
    one('runink_barn_former_keys', 'gauge', 'Former keys that something on disk still needs.', older.size),
    one('runink_barn_records_to_seal', 'gauge', 'Records that are still to be sealed with the current key.', left),
  ];
}

const head = (name: string, type: string, help: string): string => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;

function one(name: string, type: 'gauge' | 'counter', help: string, value: number): string {
  return `${head(name, type, help)}${name} ${value}\n`;
}

function histogram(name: string, help: string, { buckets, counts, sum }: TimeCounts): string {
  let below = 0;
  const lines = [...buckets, '+Inf'].map((bound, at) => {
    below += counts[at] ?? 0;
    return `${name}_bucket{le="${bound}"} ${below}\n`;
  });
  return `${head(name, 'histogram', help)}${lines.join('')}${name}_sum ${sum}\n${name}_count ${below}\n`;
}
