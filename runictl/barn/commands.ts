// `runictl barn …`: what an operator does with the store. Every verb is a file of its own, loaded when it is called.
import { type Command, Option } from 'commander';
import type { Options } from '../options.ts';
import type { Session } from '../session.ts';

type Work = (session: Session, args: readonly string[], options: Options) => Promise<number | void>;

const json = () => new Option('-o, --output <form>', 'json').choices(['json']);

/** Adds the verbs below `barn`; `run` sets the exit code of what they return. */
export function addBarnVerbs(program: Command, run: (work: Work) => (...given: unknown[]) => Promise<void>): void {
  const barn = program.command('barn').description('look into the replicated store and change its members');
  const verb = (under: Command, usage: string, description: string, work: Work): Command =>
    under.command(usage).description(description).addOption(json()).action(run(work));

  verb(barn, 'status', 'every member: leader, term, indexes, revision, hash, errors', async (session, _, options) =>
    (await import('./status.ts')).barnStatus(session, options),
  );
  verb(barn, 'transfer-leader <member>', 'let another member lead', async (session, [member = ''], options) =>
    (await import('./transfer-leader.ts')).transferLeader(session, member, options),
  );
  verb(barn, 'compact <revision>', 'forget the history before a revision', async (session, [text = ''], options) =>
    (await import('./compact.ts')).barnCompact(session, text, options),
  );
  verb(barn, 'certs', 'make or renew the certificates that members show each other', async (session, _, options) =>
    (await import('./certs.ts')).barnCerts(session, options),
  )
    .requiredOption('--dir <folder>', 'where they lie: ca.crt, ca.key, NAME.crt, NAME.key')
    .requiredOption('--member <name=host,…>', 'a member and where it is found; may be repeated', collect);
  addMemberVerbs(barn.command('member').description('list, add, promote and remove members'), verb);
  addSnapshotVerbs(barn.command('snapshot').description('save the store, check a copy, restore it'), verb);
  const alarm = barn.command('alarm').description('what an operator must see to');
  verb(alarm, 'list', 'the alarms', async (session, _, options) =>
    (await import('./alarm.ts')).alarmList(session, options),
  );
  verb(alarm, 'disarm [kind]', 'take alarms back: all, NOSPACE, CORRUPT', async (session, [kind = 'all'], options) =>
    (await import('./alarm.ts')).alarmDisarm(session, kind, options),
  ).option('--member <name|id>', 'only of this member');
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

type AddVerb = (under: Command, usage: string, description: string, work: Work) => Command;

function addMemberVerbs(member: Command, verb: AddVerb): void {
  verb(member, 'list', 'the members', async (session, _, options) =>
    (await import('./member-list.ts')).memberList(session, options),
  );
  verb(member, 'add <name>', 'add a member, as a learner', async (session, [name = ''], options) =>
    (await import('./member-add.ts')).memberAdd(session, name, options),
  ).requiredOption('--peer-urls <url>', 'where the other members find it: https://HOST:PORT');
  verb(member, 'promote <member>', 'make a learner that has caught up a voter', async (session, [id = ''], options) =>
    (await import('./member-promote.ts')).memberPromote(session, id, options),
  );
  verb(
    member,
    'replace <old=new...>',
    'let learners vote in the place of others, in one step',
    async (session, pairs, options) => (await import('./member-replace.ts')).memberReplace(session, pairs, options),
  );
  verb(member, 'remove <member>', 'take a member out', async (session, [id = ''], options) =>
    (await import('./member-remove.ts')).memberRemove(session, id, options),
  );
}

function addSnapshotVerbs(snapshot: Command, verb: AddVerb): void {
  const keyFile = ['--encryption-key-file <file>', 'the keys of an encrypted store'] as const;
  verb(snapshot, 'save <file>', 'a consistent copy of the store', async (session, [file = ''], options) =>
    (await import('./snapshot-save.ts')).snapshotSave(session, file, options),
  ).option('--unencrypted', 'in the open, also of an encrypted store');
  verb(snapshot, 'verify <file>', 'read a copy to its end, say what it holds', async (session, [file = ''], options) =>
    (await import('./snapshot-verify.ts')).snapshotVerify(session, file, options),
  ).option(...keyFile);
  verb(snapshot, 'restore <file>', 'begin a store with a copy, offline', async (session, [file = ''], options) =>
    (await import('./snapshot-restore.ts')).snapshotRestore(session, file, options),
  )
    .requiredOption('--data <folder>', 'of the server that is to have the store; its folder barn must not be there')
    .option('--name <name>', 'of the server, as it is started then')
    .option('--initial-cluster <name=url,…>', 'all members of the new group, each restored from the same file')
    .option('--initial-cluster-token <text>', 'a new name for the new group')
    .option('--bump-revision <n>', 'by how much the revision grows: more than was written since (1000000000)')
    .option('--mark-compacted', 'always done: revisions of the old life are answered with 410')
    .addOption(new Option('--skip-hash-check').hideHelp())
    .option(...keyFile);
}
