// The command line: every verb's flags in one place, its work in a file of its own that is loaded when it is called.
import { Command, CommanderError, Option } from 'commander';
import { addBarnVerbs } from './barn/commands.ts';
import type { GlobalFlags } from './connect.ts';
import { CommandError, errorText } from './failure.ts';
import type { Session } from './session.ts';
import type { Terminal } from './terminal.ts';

/** Runs one command line; the exit code is 0 done, 1 failed, 2 usage. */
export async function run(argv: readonly string[], terminal: Terminal, distDir: string): Promise<number> {
  const result = { code: 0 };
  const program = buildProgram(terminal, distDir, result);
  try {
    await program.parseAsync(argv.map(withoutEquals), { from: 'user' });
    return result.code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (terminal.signal.aborted) return 130;
    terminal.err(`${errorText(error)}\n`);
    return error instanceof CommandError ? error.exitCode : 1;
  }
}

// kubectl takes -o=yaml; commander would see the value "=yaml".
function withoutEquals(word: string): string {
  return /^-[a-zA-Z]=/.test(word) ? `${word.slice(0, 2)}${word.slice(3)}` : word;
}

/** The tree of commands; an action that returns a number sets the exit code. */
export function buildProgram(terminal: Terminal, distDir: string, result: { code: number }): Command {
  const program = new Command('runictl');
  program
    .description('Runs data pipelines under contracts: applies, watches and looks into a Runink cluster.')
    .option('--kubeconfig <file>', 'the cluster and who you are there (default: $KUBECONFIG, else ~/.kube/config)')
    .option('--context <name>', 'context of the kubeconfig to use')
    .option('-n, --namespace <herd>', 'the herd to work in')
    .option('--server <url>', 'address of the API server')
    .option('--request-timeout <duration>', 'longest wait for an answer, e.g. 30s; 0 for ever')
    .exitOverride()
    .showHelpAfterError('Run "runictl --help" for what there is.')
    .configureOutput({ writeOut: (text) => void terminal.out(text), writeErr: (text) => terminal.err(text) });

  const session = (): Session => {
    const flags = program.opts<GlobalFlags>();
    return {
      terminal,
      flags,
      distDir,
      connect: async () => (await import('./connect.ts')).connect(flags, terminal),
      connectTo: async (url) => (await import('./connect.ts')).connect({ ...flags, server: url }, terminal),
    };
  };
  const running =
    (work: Work) =>
    async (...given: unknown[]): Promise<void> => {
      const command = given.at(-1) as Command;
      const code = await work(session(), command.args, command.opts());
      if (typeof code === 'number') result.code = code;
    };
  const verb: AddVerb = (usage, description, work) =>
    program.command(usage).description(description).action(running(work));

  addObjectVerbs(verb);
  addRunVerbs(verb);
  addOtherVerbs(verb, program);
  addBarnVerbs(program, running);
  return program;
}

type Work = (
  session: Session,
  args: readonly string[],
  options: Readonly<Record<string, unknown>>,
) => Promise<number | void>;

type AddVerb = (usage: string, description: string, work: Work) => Command;

const output = '-o, --output <form>';
const outputHelp = 'wide, json, yaml, name, jsonpath=…, custom-columns=…';
const selector = ['-l, --selector <query>', 'only objects with these labels'] as const;
const dryRun = () =>
  new Option('--dry-run [strategy]', 'client: print only; server: let the server check, change nothing')
    .choices(['none', 'client', 'server'])
    .preset('client')
    .default('none');

function addObjectVerbs(verb: AddVerb): void {
  verb('apply', 'create or change objects to be as the files say', async (session, _, options) =>
    (await import('./verbs/apply.ts')).apply(session, options),
  )
    .requiredOption('-f, --filename <path...>', 'file or folder of YAML or JSON; - for stdin')
    .option('-R, --recursive', 'folders with what lies below them')
    .addOption(dryRun())
    .option(output, 'name, json, yaml');
  verb('create', 'create the objects of files', async (session, _, options) =>
    (await import('./verbs/create.ts')).create(session, options),
  )
    .requiredOption('-f, --filename <path...>', 'file or folder of YAML or JSON; - for stdin')
    .option('-R, --recursive', 'folders with what lies below them')
    .addOption(dryRun())
    .option(output, 'name, json, yaml');
  verb('diff', 'show what apply would change; exit 1 if anything', async (session, _, options) =>
    (await import('./verbs/diff.ts')).diff(session, options),
  )
    .requiredOption('-f, --filename <path...>', 'file or folder of YAML or JSON; - for stdin')
    .option('-R, --recursive', 'folders with what lies below them');
  verb('compile', 'print the objects that apply would send', async (session, _, options) =>
    (await import('./verbs/compile.ts')).compileVerb(session, options),
  )
    .requiredOption('-f, --filename <path...>', 'file or folder of YAML or JSON; - for stdin')
    .option('-R, --recursive', 'folders with what lies below them')
    .option(output, 'yaml or json', 'yaml');
  verb('get <type...>', 'list objects: TYPE, TYPE NAME, TYPE/NAME, TYPE,TYPE', async (session, args, options) =>
    (await import('./verbs/get.ts')).get(session, args, options),
  )
    .option(output, outputHelp)
    .option('-A, --all-namespaces', 'of all herds')
    .option(...selector)
    .option('--field-selector <query>', 'only objects with these fields')
    .option('-w, --watch', 'go on with what changes')
    .option('--watch-only', 'only what changes')
    .option('--at <revision>', 'as it was at this resourceVersion, while the server remembers it')
    .option('--no-headers', 'leave out the header')
    .option('--show-labels', 'with a column of labels')
    .option('-L, --label-columns <labels>', 'with a column for each of these labels')
    .option('--show-managed-fields', 'with metadata.managedFields')
    .option('--ignore-not-found', 'no error for what is not there');
  verb('describe <type...>', 'tell all about objects', async (session, args, options) =>
    (await import('./verbs/describe.ts')).describe(session, args, options),
  )
    .option('-A, --all-namespaces', 'of all herds')
    .option(...selector);
  verb('delete [type...]', 'delete objects', async (session, args, options) =>
    (await import('./verbs/delete.ts')).deleteVerb(session, args, options),
  )
    .option('-f, --filename <path...>', 'what these files hold')
    .option('-R, --recursive', 'folders with what lies below them')
    .option('--all', 'all objects of the type in the herd')
    .option(...selector)
    .addOption(
      new Option('--cascade [mode]', 'what happens to what they own')
        .choices(['background', 'foreground', 'orphan'])
        .preset('background')
        .default('background'),
    )
    .option('--grace-period <seconds>', 'time for a graceful end')
    .option('--force', 'at once, without waiting for a graceful end')
    .option('--ignore-not-found', 'no error for what is not there')
    .option('--no-wait', 'do not wait until they are gone')
    .option('--timeout <duration>', 'longest wait until they are gone')
    .addOption(dryRun())
    .option(output, 'name');
  addChangingVerbs(verb);
  verb('wait <type...>', 'wait until objects are as told', async (session, args, options) =>
    (await import('./verbs/wait.ts')).wait(session, args, options),
  )
    .requiredOption('--for <what>', "condition=NAME[=VALUE], jsonpath='{PATH}'[=VALUE], delete, create")
    .option('--timeout <duration>', 'longest wait', '30s')
    .option('--all', 'all objects of the type in the herd')
    .option(...selector)
    .option('--field-selector <query>', 'only objects with these fields');
  verb('explain <path>', 'tell what fields a kind has', async (session, args, options) =>
    (await import('./verbs/explain.ts')).explain(session, args, options),
  ).option('--recursive', 'names of all fields below');
  verb('events', 'list what happened', async (session, _, options) =>
    (await import('./verbs/events.ts')).events(session, options),
  )
    .option('-A, --all-namespaces', 'of all herds')
    .option('--for <type/name>', 'only of this object')
    .option('-w, --watch', 'go on with what comes')
    .option('--no-headers', 'leave out the header');
}

function addChangingVerbs(verb: AddVerb): void {
  for (const [name, place] of [
    ['label', 'labels'],
    ['annotate', 'annotations'],
  ] as const)
    verb(`${name} <type...>`, `set ${place} with KEY=VALUE, remove them with KEY-`, async (session, args, options) =>
      (await import('./verbs/label.ts')).label(session, place, args, options),
    )
      .option('--overwrite', 'also values that are there')
      .option('--all', 'all objects of the type in the herd')
      .option(...selector);
  verb('patch <type...>', 'change fields of an object', async (session, args, options) =>
    (await import('./verbs/patch.ts')).patch(session, args, options),
  )
    .option('-p, --patch <text>', 'the patch, JSON or YAML')
    .option('--patch-file <file>', 'file with the patch')
    .option('--type <type>', 'merge or json', 'merge')
    .option('--subresource <name>', 'status')
    .addOption(dryRun())
    .option(output, 'name, json, yaml');
}

function addRunVerbs(verb: AddVerb): void {
  verb('run <pipeline>', 'start a run of a pipeline', async (session, args, options) =>
    (await import('./verbs/run.ts')).runVerb(session, args, options),
  )
    .option('--param <key=value...>', 'parameter of this run')
    .option('--wait', 'wait until the run has ended; exit 1 if it failed')
    .option('--watch', 'follow the run to its end; exit 1 if it failed')
    .option('--timeout <duration>', 'longest wait for the run to be made', '30s')
    .option(output, 'name');
  verb('watch [run]', 'follow a run to its end; exit 1 if it failed', async (session, args, options) =>
    (await import('./verbs/watch.ts')).watch(session, args, options),
  )
    .option('--pipeline <name>', 'the run of the newest generation of this pipeline')
    .option('--plain', 'lines, also on a terminal');
  verb('logs [run]', 'print what the steps of a run wrote', async (session, args, options) =>
    (await import('./verbs/logs.ts')).logs(session, args, options),
  )
    .option('--pipeline <name>', 'of the newest run of this pipeline')
    .option('-s, --step <step...>', 'only of these steps')
    .option('--all', 'of every attempt, not the newest alone')
    .option('--attempt <number>', 'of this attempt')
    .option('-f, --follow', 'go on with what is written')
    .option('--tail <lines>', 'only the last lines')
    .option('--since <duration>', 'only what is newer, e.g. 5m')
    .option('--prefix', 'with the step before each line');
  verb('cancel <run>', 'stop a run', async (session, args, options) =>
    (await import('./verbs/cancel.ts')).cancel(session, args, options),
  ).option('--wait', 'wait until it has stopped');
}

function addOtherVerbs(verb: AddVerb, program: Command): void {
  verb('api-resources', 'list the kinds that the server knows', async (session, _, options) =>
    (await import('./verbs/api-resources.ts')).apiResources(session, options),
  )
    .option(output, 'wide or name')
    .option('--no-headers', 'leave out the header')
    .option('--namespaced <true|false>', 'only kinds that live in herds, or only those that do not')
    .option('--api-group <group>', 'only of this group');
  verb('config <what>', 'view, get-contexts or current-context of the kubeconfig', async (session, args) =>
    (await import('./verbs/config.ts')).config(session, args),
  );
  verb('completion <shell>', 'print completion for bash, zsh or fish', async (session, args) =>
    (await import('./verbs/completion.ts')).completion(session, args, program),
  );
  verb('version', 'print the versions of client and server', async (session, _, options) =>
    (await import('./verbs/version.ts')).version(session, options),
  )
    .option('--client', 'only of this program')
    .option(output, 'json or yaml');
  verb(
    'dev [action]',
    'run a whole cluster on this machine: dev, dev status, dev stop',
    async (session, args, options) => (await import('./verbs/dev.ts')).dev(session, args, options),
  )
    .requiredOption('--data <dir>', 'folder that keeps everything')
    .option('--port <number>', 'port of the API; 0 for a free one', '0')
    .option('--agents <number>', 'how many nodes', '1')
    .option('--servers <number>', 'how many API servers', '1')
    .option('--controllers <number>', 'how many processes of controllers; one leads', '1')
    .option('--leader-elect-lease-ms <number>', 'how long it leads without renewing its lease; for tests')
    .option('--etcd-endpoints <urls>', 'keep the store in this etcd, at http://HOST:PORT,…')
    .option(
      '--token-auth-file <file>',
      'take the tokens in it (token,user,uid,"groups"); needs --insecure-static-tokens',
    )
    .option('--insecure-static-tokens', 'say that tokens which never end are meant')
    .option('--encryption-key-file <file>', 'encrypt the files of the store with the keys in it')
    .option('--volume <name=path[:rw]...>', 'a volume that nodes offer; "data" is DIR/data')
    .addOption(
      new Option('--isolation <mode>', 'none: steps run as plain processes, with your rights').choices([
        'full',
        'none',
      ]),
    )
    .option('--no-restart', 'leave down what dies')
    .option(output, 'of status: json');
}
