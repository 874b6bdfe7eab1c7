export * from './barn.ts';
