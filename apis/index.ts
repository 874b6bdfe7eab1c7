export * from './errors.ts';
export {
  conditionIn,
  definitionOf,
  isEstablished,
  isTerminating,
  kindOfStorage,
  kindsOfDefinition,
} from './extensions/definition-kinds.ts';
export { compareVersions } from './extensions/version-order.ts';
export * from './fence.ts';
export * from './kind.ts';
export * as kinds from './kinds.ts';
export { objectMetaSchema } from './meta/meta.schema.ts';
export * from './names.ts';
export * from './object.ts';
export * from './quantities.ts';
export type { KindSchema, Schema, ValidationRule } from './schema.ts';
export * from './slice-size.ts';
export { type StepUse, withSchemas } from './steps/with.schema.ts';
export { kindInfos } from './table.ts';
export * from './tunnel.ts';
export type * from './types.gen.ts';
