import type { Command } from 'commander';
import { kindInfos } from '../../apis/index.ts';
import { UsageError } from '../failure.ts';
import type { Session } from '../session.ts';

interface Words {
  readonly verbs: readonly string[];
  readonly types: readonly string[];
  readonly flags: Readonly<Record<string, readonly string[]>>;
  readonly global: readonly string[];
}

/** `runictl completion SHELL`: a script to source; it completes verbs, kinds, flags and, by asking the cluster, names. */
export async function completion({ terminal }: Session, args: readonly string[], program: Command): Promise<number> {
  const words: Words = {
    verbs: program.commands.map((command) => command.name()),
    types: kindInfos.map(({ plural }) => plural),
    flags: Object.fromEntries(program.commands.map((command) => [command.name(), flagsOf(command)])),
    global: flagsOf(program),
  };
  const scripts: Readonly<Record<string, (words: Words) => string>> = { bash, zsh, fish };
  const make = scripts[args[0] ?? ''];
  if (make === undefined)
    throw new UsageError(`completion for "${args[0] ?? ''}" is not there; there are bash, zsh and fish`);
  await terminal.out(make(words));
  return 0;
}

function flagsOf(command: Command): string[] {
  return command.options.flatMap(({ long }) => (long === undefined || long === null ? [] : [long]));
}

const typed = 'get|describe|delete|wait|explain';
const named: Readonly<Record<string, string>> = { run: 'pipelines', watch: 'runs', logs: 'runs', cancel: 'runs' };

function bash({ verbs, types, flags, global }: Words): string {
  const cases = Object.entries(flags).map(
    ([verb, list]) => `    ${verb}) words="${[...list, ...global].join(' ')}" ;;`,
  );
  const names = Object.entries(named).map(
    ([verb, kind]) => `      ${verb}) words="$(runictl get ${kind} -o name 2>/dev/null | sed 's|.*/||')" ;;`,
  );
  return `# runictl completion for bash: source <(runictl completion bash)
_runictl () {
  local current="\${COMP_WORDS[COMP_CWORD]}" verb="" words="" index
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "\${COMP_WORDS[index]}" in
      -n|--namespace|--kubeconfig|--context|--server|--request-timeout) ((index++)) ;;
      -*) ;;
      *) verb="\${COMP_WORDS[index]}"; break ;;
    esac
  done
  if [[ -z "$verb" ]]; then
    words="${verbs.join(' ')} ${global.join(' ')}"
  elif [[ "$current" == -* ]]; then
    case "$verb" in
${cases.join('\n')}
    esac
  else
    case "$verb" in
      ${typed})
        if ((COMP_CWORD - index == 1)); then words="${types.join(' ')}"
        else words="$(runictl get "\${COMP_WORDS[index + 1]}" -o name 2>/dev/null | sed 's|.*/||')"; fi ;;
${names.join('\n')}
      *) COMPREPLY=($(compgen -f -- "$current")); return ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _runictl runictl
`;
}

function zsh(words: Words): string {
  return `#compdef runictl
# runictl completion for zsh: source <(runictl completion zsh)
autoload -U +X bashcompinit && bashcompinit
${bash(words)}`;
}

function fish({ verbs, types, flags, global }: Words): string {
  const lines = [
    '# runictl completion for fish: runictl completion fish | source',
    'complete -c runictl -f',
    `complete -c runictl -n __fish_use_subcommand -a "${verbs.join(' ')}"`,
    `complete -c runictl -n "__fish_seen_subcommand_from ${typed.replaceAll('|', ' ')}" -a "${types.join(' ')}"`,
    ...Object.entries(named).map(
      ([verb, kind]) =>
        `complete -c runictl -n "__fish_seen_subcommand_from ${verb}" -a "(runictl get ${kind} -o name 2>/dev/null | string replace -r '.*/' '')"`,
    ),
    ...global.map((flag) => `complete -c runictl -l ${flag.slice(2)} -r`),
    ...Object.entries(flags).flatMap(([verb, list]) =>
      list.map((flag) => `complete -c runictl -n "__fish_seen_subcommand_from ${verb}" -l ${flag.slice(2)}`),
    ),
  ];
  return `${lines.join('\n')}\n`;
}
