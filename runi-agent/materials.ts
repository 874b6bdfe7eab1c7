// What the agent fetches for a slice: its Run (once per run), the Contracts, Bundles and Secrets that its step names.
import { type ApiObject, isApiError, type Kind, kinds, type PlanStep, type Run } from '../apis/index.ts';
import type { Client } from '../client/index.ts';
import type { ContractSpec } from '../runi-slice/protocol/index.ts';
import type { BundleContent, BundleStore } from './bundles.ts';
import type { GroupId } from './ids.ts';
import { LaunchError, type Materials } from './launch.ts';

/** Runs whose plan is kept; they are immutable. */
const runsKeptMax = 64;
const contractsKeptMax = 256;
const secretBytesMax = 1024 * 1024;

/** A run as its slices need it. */
export interface RunView {
  readonly run: Run;
  readonly herdUid: string;
}

/** Where plans, secrets, bundles and programs come from. */
export interface MaterialsOptions {
  readonly client: Client;
  readonly bundles: BundleStore;
  readonly findProgram: (name: string) => string;
}

/**
 * Fetches with small caches. What the API answers for good (not found) becomes a LaunchError; what may pass (no server,
 * too many requests) is thrown as it came, to be tried again.
 */
export class MaterialSource {
  readonly #client: Client;
  readonly #bundles: BundleStore;
  readonly #findProgram: (name: string) => string;
  readonly #runs = new Map<string, Promise<RunView>>();
  readonly #contracts = new Map<string, Promise<ContractSpec>>();

  constructor(options: MaterialsOptions) {
    this.#client = options.client;
    this.#bundles = options.bundles;
    this.#findProgram = options.findProgram;
  }

  /**
   * The run of a group; asked for once while it is kept. What a slice says of its run is its herd's word only, so that one
   * kept for another herd, with that herd's volumes, is never given.
   */
  run(group: GroupId, name: string): Promise<RunView> {
    return kept(this.#runs, `${group.herd}/${name}/${group.runUid}`, runsKeptMax, async () => {
      const [run, herd] = await Promise.all([
        this.#get(kinds.runs, group.herd, name, 'RunNotFound'),
        this.#get(kinds.herds, undefined, group.herd, 'HerdNotFound'),
      ]);
      if (run.metadata.uid !== group.runUid && run.metadata.name !== group.runUid)
        throw new LaunchError('RunNotFound', `run "${name}" is another than the one this slice belongs to`);
      return { run, herdUid: herd.metadata.uid ?? group.herd };
    });
  }

  /** Everything the step names. The caller calls `release` when the slice has ended. */
  async of(group: GroupId, view: RunView, step: PlanStep): Promise<Materials & { readonly release: () => void }> {
    const contracts = new Map<string, ContractSpec>();
    for (const { contract, schemaHash } of [step, ...step.inputs])
      if (contract !== undefined) contracts.set(contract, await this.#contract(group.herd, contract, schemaHash));
    const secrets = new Map<string, ReadonlyMap<string, Uint8Array>>();
    for (const { name } of step.secrets ?? []) secrets.set(name, await this.#secret(group.herd, name));
    const release = await this.#bundle(group.herd, step);
    return { herdUid: view.herdUid, contracts, secrets, findProgram: this.#findProgram, release };
  }

  #contract(herd: string, name: string, hash: string | undefined): Promise<ContractSpec> {
    return kept(this.#contracts, `${herd}/${name}/${hash ?? ''}`, contractsKeptMax, async () => {
      const { spec } = await this.#get(kinds.contracts, herd, name, 'ContractNotFound');
      return {
        name: spec.name,
        version: spec.version,
        mode: spec.mode ?? 'open',
        schema: spec.schema,
        schemaHash: hash ?? '',
      };
    });
  }

  // Never kept: a secret may change, and lies in memory no longer than a launch.
  async #secret(herd: string, name: string): Promise<ReadonlyMap<string, Uint8Array>> {
    const secret = await this.#get(kinds.secrets, herd, name, 'SecretNotFound');
    const values = Object.entries(secret.data ?? {}).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const);
    if (values.reduce((sum, [, bytes]) => sum + bytes.length, 0) > secretBytesMax)
      throw new LaunchError('SecretTooLarge', `secret "${name}" has more than ${secretBytesMax} bytes`);
    return new Map(values);
  }

  async #bundle(herd: string, step: PlanStep): Promise<() => void> {
    const { bundle: name, bundleHash: hash } = step;
    if (name === undefined || hash === undefined) return () => {};
    return this.#bundles.use(hash, async (): Promise<BundleContent> => {
      const { spec } = await this.#get(kinds.bundles, herd, name, 'BundleNotFound');
      const bytes =
        spec.inline === undefined
          ? await this.#client.getContent({ namespace: herd, name })
          : Buffer.from(spec.inline, 'base64');
      return { format: spec.format, bytes };
    });
  }

  async #get<T extends ApiObject>(
    kind: Kind<T>,
    namespace: string | undefined,
    name: string,
    reason: string,
  ): Promise<T> {
    try {
      return await this.#client.get(kind, namespace === undefined ? { name } : { namespace, name });
    } catch (cause) {
      if (!isApiError(cause, 'NotFound')) throw cause;
      throw new LaunchError(reason, `${kind.singular} "${name}" does not exist`, { cause });
    }
  }
}

/** The value of `key`, made once; a failure is not kept, and the oldest goes at the bound. */
function kept<V>(map: Map<string, Promise<V>>, key: string, sizeMax: number, make: () => Promise<V>): Promise<V> {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  // It may have been pushed out and made anew since.
  made.catch(() => map.get(key) === made && map.delete(key));
  for (const oldest of map.keys()) {
    if (map.size <= sizeMax) break;
    map.delete(oldest);
  }
  return made;
}
