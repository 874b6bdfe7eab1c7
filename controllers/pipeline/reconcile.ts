// Pipelines: resolves what they name into a plan and makes the runs that are due; says what is wrong when it cannot.
import { isDeepStrictEqual } from 'node:util';
import {
  type Bundle,
  type Contract,
  type Herd,
  kinds,
  type Pipeline,
  type Ref,
  type Secret,
} from '../../apis/index.ts';
import type { Clock } from '../../base/index.ts';
import type { Client, Informer } from '../../client/index.ts';
import { parseContractReference, resolveRange, schemaHash } from '../../lang/contracts/index.ts';
import { type EventRecorder, makeFor, type Result } from '../kit/index.ts';
import { planPipeline } from './plan.ts';
import { resolve, type Seen } from './resolve.ts';

/** What the pipeline controller works with; it closes none of it. */
export interface PipelineDeps {
  readonly client: Client;
  readonly recorder: Pick<EventRecorder, 'warn'>;
  readonly clock: Clock;
  readonly pipelines: Informer<Pipeline>;
  readonly contracts: Informer<Contract>;
  readonly bundles: Informer<Bundle>;
  /** Names only: this controller may not read what is in a secret. */
  readonly secrets: Informer<Secret>;
  readonly herds: Informer<Herd>;
}

/** The reconciler of pipelines. */
export class PipelineReconciler {
  readonly #deps: PipelineDeps;

  constructor(deps: PipelineDeps) {
    this.#deps = deps;
  }

  async reconcile(ref: Ref, signal: AbortSignal): Promise<Result> {
    const { client, clock, pipelines } = this.#deps;
    const pipeline = pipelines.get(ref);
    if (pipeline === undefined || pipeline.metadata.deletionTimestamp !== undefined) return {};
    const seen = this.#seen(ref.namespace ?? '');
    const decision = planPipeline(pipeline, (parameters) => resolve(pipeline, seen, parameters), clock.now());
    for (const run of decision.runs) {
      if (!(await makeFor(this.#deps, pipeline, kinds.runs, run, signal))) return {};
    }
    if (isDeepStrictEqual(decision.status, pipeline.status)) return {};
    await client.updateStatus(kinds.pipelines, { ...pipeline, status: decision.status }, { signal });
    return {};
  }

  /** Pipelines of a herd that wait for something there, to be looked at when something came. */
  waiting(herd: string): readonly Ref[] {
    return this.#deps.pipelines
      .list(herd)
      .filter(
        (pipeline) =>
          pipeline.status?.conditions?.some(
            (condition) => condition.type === 'Ready' && condition.status !== 'True',
          ) === true,
      )
      .map((pipeline) => ({ namespace: herd, name: pipeline.metadata.name ?? '' }));
  }

  #seen(herd: string): Seen {
    const { bundles, secrets, herds } = this.#deps;
    const { volumes, slices } = herds.get({ name: herd })?.spec ?? {};
    return {
      contract: (reference) => this.#contract(herd, reference),
      bundle: (name) => bundles.get({ namespace: herd, name })?.spec,
      hasSecret: (name) => secrets.get({ namespace: herd, name }) !== undefined,
      volumes,
      ...(slices !== undefined && { slices }),
    };
  }

  #contract(herd: string, reference: string): ReturnType<Seen['contract']> {
    const { name, range } = parseContractReference(reference);
    const versions = this.#deps.contracts.list(herd).filter((contract) => contract.spec.name === name);
    const chosen = resolveRange(
      range,
      versions.map((contract) => contract.spec.version),
    );
    const contract = versions.find((candidate) => candidate.spec.version === chosen);
    if (contract !== undefined) {
      return { object: contract.metadata.name ?? '', schemaHash: schemaHash({ mode: 'open', ...contract.spec }) };
    }
    const known = versions.map((candidate) => candidate.spec.version).join(', ');
    const problem =
      known === ''
        ? `contract "${reference}": herd "${herd}" has no contract named "${name}"`
        : `contract "${reference}": no version in that range; there are ${known}`;
    return { problem };
  }
}
