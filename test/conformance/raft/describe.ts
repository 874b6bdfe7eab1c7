// Messages, entries and the rest in the words of the scripts.
import { decodeConfChange } from '../../../barn/raft/conf-change.ts';
import {
  appendThread,
  applyThread,
  type ConfChange,
  type ConfState,
  type Entry,
  type MemberId,
  type Message,
  type Ready,
  type Snapshot,
} from '../../../barn/raft/protocol.ts';
import type { ProgressStatus } from '../../../barn/raft/status.ts';

const letters = {
  ConfChangeAddNode: 'v',
  ConfChangeAddLearnerNode: 'l',
  ConfChangeRemoveNode: 'r',
  ConfChangeUpdateNode: 'u',
} as const;

/** Changes such as `v1 l2 r3 u4`. */
export function parseChanges(text: string): ConfChange['changes'] {
  return text
    .trim()
    .split(/\s+/)
    .filter((token) => token !== '')
    .map((token) => {
      const type = Object.entries(letters).find(([, letter]) => letter === token[0])?.[0];
      if (!isChangeType(type)) throw new Error(`unknown input: ${token}`);
      return { type, id: Number(token.slice(1)) };
    });
}

function isChangeType(type: string | undefined): type is keyof typeof letters {
  return type !== undefined && type in letters;
}

/** Everything a Ready holds. */
export function describeReady(ready: Ready): string {
  const { softState, hardState, readStates, entries, snapshot, committedEntries, messages } = ready;
  const lines: string[] = [];
  if (softState !== undefined) lines.push(`Lead:${softState.leader} State:${softState.role}`);
  if (hardState !== undefined) {
    const vote = hardState.vote === 0 ? '' : ` Vote:${hardState.vote}`;
    lines.push(`HardState Term:${hardState.term}${vote} Commit:${hardState.commit}`);
  }
  if (readStates.length > 0) lines.push(`ReadStates ${JSON.stringify(readStates)}`);
  if (entries.length > 0) lines.push('Entries:', ...entries.map(describeEntry));
  if (snapshot !== undefined) lines.push(`Snapshot ${describeSnapshot(snapshot)}`);
  if (committedEntries.length > 0) lines.push('CommittedEntries:', ...committedEntries.map(describeEntry));
  if (messages.length > 0) lines.push('Messages:', ...messages.map((message) => describeMessage(message)));
  return lines.length === 0 ? '<empty Ready>' : `Ready MustSync=${ready.mustSync}:\n${lines.join('\n')}\n`;
}

/** A message, with the responses in it on lines of their own. */
export function describeMessage(message: Message, indent = ''): string {
  const { type, term, logTerm, index, entries, snapshot, responses = [] } = message;
  const parts = [
    `${indent}${target(message.from)}->${target(message.to)} ${type} Term:${term} Log:${logTerm}/${index}`,
    message.reject ? ` Rejected (Hint: ${message.rejectHint})` : '',
    message.commit === 0 ? '' : ` Commit:${message.commit}`,
    message.vote === 0 ? '' : ` Vote:${message.vote}`,
  ];
  const [only] = entries;
  if (entries.length === 1 && only !== undefined) parts.push(` Entries:[${describeEntry(only)}]`);
  else if (entries.length > 1)
    parts.push(' Entries:[', ...entries.map((entry) => `\n${indent}  ${describeEntry(entry)}`), `\n${indent}]`);
  if (snapshot !== undefined) parts.push(`\n${indent}  Snapshot: ${describeSnapshot(snapshot)}`);
  if (responses.length > 0) {
    parts.push(' Responses:[', ...responses.map((response) => `\n${describeMessage(response, `${indent}  `)}`));
    parts.push(`\n${indent}]`);
  }
  return parts.join('');
}

function target(id: MemberId): string {
  if (id === 0) return 'None';
  if (id === appendThread) return 'AppendThread';
  return id === applyThread ? 'ApplyThread' : id.toString(16);
}

/** Term, index, type and what is in it. */
export function describeEntry(entry: Entry): string {
  const content =
    entry.type === 'EntryNormal'
      ? JSON.stringify(new TextDecoder().decode(entry.data))
      : decodeConfChange(entry.data)
          .changes.map(({ type, id }) => `${letters[type]}${id}`)
          .join(' ');
  return `${entry.term}/${entry.index} ${entry.type}${content === '' ? '' : ` ${content}`}`;
}

function describeSnapshot({ index, term, confState }: Snapshot): string {
  return `Index:${index} Term:${term} ConfState:${describeConfState(confState)}`;
}

function describeConfState(state: ConfState): string {
  const ids = (list: readonly MemberId[]): string => `[${list.join(' ')}]`;
  return (
    `Voters:${ids(state.voters)} VotersOutgoing:${ids(state.votersOutgoing)} ` +
    `Learners:${ids(state.learners)} LearnersNext:${ids(state.learnersNext)} AutoLeave:${state.autoLeave}`
  );
}

/** A configuration as voters, and what else there is. */
export function describeConfiguration(config: ConfState): string {
  const ids = (list: readonly MemberId[]): string => `(${list.map((id) => id.toString(16)).join(' ')})`;
  const outgoing = config.votersOutgoing.length === 0 ? '' : `&&${ids(config.votersOutgoing)}`;
  const learners = config.learners.length === 0 ? '' : ` learners=${ids(config.learners)}`;
  const next = config.learnersNext.length === 0 ? '' : ` learners_next=${ids(config.learnersNext)}`;
  return `voters=${ids(config.voters)}${outgoing}${learners}${next}${config.autoLeave ? ' autoleave' : ''}`;
}

/** A line for each member. */
export function describeProgress(progress: readonly ProgressStatus[]): string {
  return progress
    .map((one) => {
      const full = one.isInflightFull ? '[full]' : '';
      return [
        `${one.id}: ${one.state} match=${one.match} next=${one.next}`,
        one.isLearner ? ' learner' : '',
        one.isPaused ? ' paused' : '',
        one.pendingSnapshot > 0 ? ` pendingSnap=${one.pendingSnapshot}` : '',
        one.recentActive ? '' : ' inactive',
        one.inflight > 0 ? ` inflight=${one.inflight}${full}` : '',
        '\n',
      ].join('');
    })
    .join('');
}
