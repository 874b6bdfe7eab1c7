// What the texts of flags mean, wherever they stand.
import { memberNameProblem } from '../pki/index.ts';

/** A command line that cannot be meant; the message names the flag. */
export class FlagError extends Error {
  override readonly name = 'FlagError';
}

/** Why a file of tokens is not taken, unless it may be. */
export function staticTokensProblem(file: string | undefined, isTyped: boolean): string | undefined {
  if (file === undefined) return isTyped ? '--insecure-static-tokens goes with --token-auth-file FILE' : undefined;
  if (isTyped) return undefined;
  return '--token-auth-file: its tokens never end, and whoever reads the file has them; type --insecure-static-tokens too if that is meant';
}

/** The address of a server or a member. Errors: FlagError. */
export function serverUrl(flag: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.pathname !== '/' || url.search !== '' || text.includes(','))
    throw new FlagError(`${flag}: "${text}" is not https://HOST:PORT`);
  return text.replace(/\/+$/, '');
}

/** What stands between commas. */
export function listOf(text: string | undefined): string[] {
  return (text ?? '').split(',').filter((item) => item !== '');
}

/** A member as `--initial-cluster` names it. */
interface NamedMember {
  readonly name: string;
  readonly peerUrl: string;
}

/** The members of `--initial-cluster`, and the one of that name among them. Errors: FlagError. */
export function initialClusterOf(
  text: string,
  name: string | undefined,
): { readonly initialCluster: readonly NamedMember[]; readonly own: NamedMember } {
  const initialCluster = listOf(text).map((item) => {
    const [named = '', ...rest] = item.split('=');
    if (named === '') throw new FlagError(`--initial-cluster: "${item}" is not NAME=https://HOST:PORT`);
    const problem = memberNameProblem(named);
    if (problem !== undefined) throw new FlagError(`--initial-cluster: ${problem}`);
    return { name: named, peerUrl: serverUrl('--initial-cluster', rest.join('=')) };
  });
  for (const of of ['name', 'peerUrl'] as const)
    if (new Set(initialCluster.map((member) => member[of])).size < initialCluster.length)
      throw new FlagError('--initial-cluster names a member or an address twice');
  const own = initialCluster.find((member) => member.name === name);
  if (own === undefined)
    throw new FlagError(`--name ${name ?? ''} is not among the members of --initial-cluster ${text}`);
  return { initialCluster, own };
}
