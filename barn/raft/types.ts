// The old name of protocol.ts, until nobody asks for it any more.
export * from './protocol.ts';
