import { type JoinOn, parseJoinOn } from '../../lang/expressions/index.ts';
import type { Batch, Source } from '../flow/batch.ts';
import { SliceError } from '../slice-error.ts';
import { BuildTable } from './join-table.ts';
import { ProbeSpool } from './probe-spool.ts';
import { type BatchStep, pump, type StepContext } from './step.ts';
import { type Fields, fieldsOf, valueAt } from './values.ts';

/**
 * Joins the first input (probe) with the last (build, held in memory). A probe record comes out once for each match, its
 * bytes first, then the match's fields; a field that the probe record has too is renamed ALIAS_NAME. Keys are equal when type
 * and value are; null and missing match nothing. `left` passes on a probe record without a match as it is.
 */
export async function runJoin(context: StepContext, sources: readonly Source[]): Promise<void> {
  const { spec } = context;
  const [probe, build] = sources;
  const [probeInput, buildInput] = spec.inputs;
  if (
    probe === undefined ||
    build === undefined ||
    probeInput === undefined ||
    buildInput === undefined ||
    sources.length > 2
  )
    throw new SliceError('InvalidStep', `a join has two inputs, this one has ${sources.length}`);
  const on = parseJoinOn(String(spec.with['on']), probeInput.name, buildInput.name);
  const table = new BuildTable(buildInput.name, spec.memoryBytesMax);
  const step = probeStep(context, on, table, spec.with['kind'] !== 'inner');
  if (probeInput.kind === 'file') {
    await pump(build, buildStep(context, on, table), context);
    return pump(probe, step, context);
  }
  // Both inputs may come from one step, which waits for its slowest reader: so the probe must be read on meanwhile.
  const spool = new ProbeSpool(probe, context);
  const counted = buildStep(context, on, table);
  const building = pump(build, { process: (batch) => (spool.buildWentOn(), counted.process(batch)) }, context);
  await Promise.all([building.finally(() => spool.stop()), spool.drain()]);
  await pump(spool, step, context);
}

function buildStep(context: StepContext, on: JoinOn, table: BuildTable): BatchStep {
  return {
    process(batch) {
      for (let index = 0; index < batch.count; index++) {
        const record = fieldsOf(context, batch, index);
        const key = record === undefined ? undefined : keyOf(record, on.build);
        if (record !== undefined && key !== undefined) table.add(key, record, batch.text(index));
      }
    },
  };
}

function probeStep(context: StepContext, on: JoinOn, table: BuildTable, left: boolean): BatchStep {
  const { emitter } = context;
  return {
    async process(batch) {
      for (let index = 0; index < batch.count; index++) {
        const record = fieldsOf(context, batch, index);
        if (record === undefined) continue;
        const key = keyOf(record, on.probe);
        const matches = key === undefined ? [] : table.matches(key, record);
        if (matches.length === 0 && left) emitter.record(batch, index);
        for (const members of matches) {
          joined(context, batch, index, record, members);
          if (emitter.crowded) await emitter.room();
        }
        if (emitter.crowded) await emitter.room();
      }
    },
  };
}

function joined(context: StepContext, batch: Batch, index: number, record: Fields, members: string): void {
  if (Object.keys(record).length === 0) context.emitter.text(`{${members}}`);
  else context.emitter.extended(batch, index, `,${members}`);
}

/** The values at `paths` as one text; undefined when one is missing or null. */
function keyOf(record: Fields, paths: readonly (readonly string[])[]): string | undefined {
  const [only] = paths;
  if (paths.length === 1 && only !== undefined) {
    const value = valueAt(record, only);
    return value === undefined || value === null ? undefined : JSON.stringify(value);
  }
  const values = paths.map((path) => valueAt(record, path) ?? null);
  return values.includes(null) ? undefined : JSON.stringify(values);
}
