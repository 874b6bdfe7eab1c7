export { canonicalJson } from './canonical.ts';
export { checkContract } from './check-contract.ts';
export { type Checker, compileChecker, syntaxProblem } from './compile.ts';
export type { ContractShape, Problem, Violation, ViolationCode } from './contract.ts';
export { policyHash, schemaHash } from './hash.ts';
export { isSpace, JsonScanner, recordDepthMax, scanBad, scanDeep, scanShort } from './json-scan.ts';
export { compareVersions, isRange, parseContractReference, resolveRange } from './version.ts';
