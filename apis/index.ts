export * from './errors.ts';
export * from './kind.ts';
export * as kinds from './kinds.ts';
export * from './names.ts';
export * from './object.ts';
export * from './quantities.ts';
export type { KindSchema, Schema } from './schema.ts';
export { kindInfos } from './table.ts';
export type * from './types.gen.ts';
