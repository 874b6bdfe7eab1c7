// A simulation is worth its name only while nothing real is used. The code under test gets time, chance, files and peers as
// parameters; this finds out when it helps itself to the real ones.

/** Puts the world back; throws when something real was under way meanwhile. */
export type Unguard = () => void;

const names = ['setTimeout', 'setInterval', 'setImmediate'] as const;

/**
 * Until undone, real timers, Date.now, Math.random and performance.now call `onUse` with what was used and where.
 * Errors that nobody caught go there too: in the product they would end the process.
 */
export function guardRealWorld(onUse: (what: string) => void): Unguard {
  const undo: (() => void)[] = [];
  const replace = (object: object, name: string, what: string): void => {
    const before = Object.getOwnPropertyDescriptor(object, name);
    const original: unknown = Reflect.get(object, name);
    Object.defineProperty(object, name, {
      configurable: true,
      writable: true,
      value: (...args: readonly unknown[]) => {
        const stack = new Error(what).stack ?? '';
        if (isOurs(stack)) onUse(`${what} was used: ${whereIn(stack)}`);
        return typeof original === 'function' ? Reflect.apply(original, object, args) : undefined;
      },
    });
    undo.push(() => {
      if (before === undefined) Reflect.deleteProperty(object, name);
      else Object.defineProperty(object, name, before);
    });
  };
  for (const name of names) replace(globalThis, name, name);
  replace(Date, 'now', 'Date.now');
  replace(Math, 'random', 'Math.random');
  replace(performance, 'now', 'performance.now');

  const onRejection = (cause: unknown): void => {
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    onUse(`an error that nobody caught: ${text.split('\n').slice(0, 4).join(' ')}`);
  };
  process.on('unhandledRejection', onRejection).on('uncaughtException', onRejection);
  undo.push(() => process.off('unhandledRejection', onRejection).off('uncaughtException', onRejection));
  return () => {
    for (const one of undo.reverse()) one();
  };
}

/** Requests of the machine that are under way (files, names, sockets): there should be none in a simulation. */
export function realRequests(): readonly string[] {
  return process
    .getActiveResourcesInfo()
    .filter(
      (name) => /^(FS|GetAddr|TCP|Pipe|Process|Worker|MessagePort)/.test(name) && !/^(TCPServer|Pipe)Wrap$/.test(name),
    );
}

/** Node's own parts use timers now and then; what counts is the code of the rooms. */
function isOurs(stack: string): boolean {
  const caller = stack.split('\n')[2] ?? '';
  return (
    !caller.includes('node:internal') && !caller.includes('node_modules') && !/test\/sim\/(run|guard|soak)/.test(caller)
  );
}

function whereIn(stack: string): string {
  return stack
    .split('\n')
    .slice(2, 4)
    .map((line) => line.trim())
    .join(' ');
}
