import type { ContractSpec } from '../protocol/index.ts';

/** Turns the cells of one column into values. */
export interface CellReader {
  readonly name: string;
  /** Undefined: the record does not get this field. */
  read(cell: string): unknown;
}

/**
 * One reader a column. Where the contract says integer, number or boolean, a cell that reads so becomes one (another stays
 * a string, for the contract to refuse). An empty cell is null where null is allowed, no field where a string is not.
 */
export function cellReaders(names: readonly string[], contract: ContractSpec | undefined): readonly CellReader[] {
  const properties: unknown = contract?.schema['properties'];
  return names.map((name) => {
    const types = typesOf(properties, name);
    return types.length === 0
      ? { name, read: (cell: string) => cell }
      : { name, read: (cell: string) => typed(cell, types) };
  });
}

function typesOf(properties: unknown, name: string): readonly unknown[] {
  if (typeof properties !== 'object' || properties === null || !Object.hasOwn(properties, name)) return [];
  const schema: unknown = Reflect.get(properties, name);
  if (typeof schema !== 'object' || schema === null || !('type' in schema)) return [];
  return Array.isArray(schema.type) ? schema.type : [schema.type];
}

function typed(cell: string, types: readonly unknown[]): unknown {
  if (cell === '') {
    if (types.includes('null')) return null;
    return types.includes('string') ? '' : undefined;
  }
  if (types.includes('integer') || types.includes('number')) {
    const value = numeral.test(cell) ? Number(cell) : undefined;
    const exact =
      value !== undefined && (Number.isSafeInteger(value) || (types.includes('number') && Number.isFinite(value)));
    if (exact) return value;
  }
  if (types.includes('boolean')) {
    const lower = cell.toLowerCase();
    if (lower === 'true') return true;
    if (lower === 'false') return false;
  }
  return cell;
}

const numeral = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
