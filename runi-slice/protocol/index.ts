export * from './frames.ts';
export type * from './spec.ts';
