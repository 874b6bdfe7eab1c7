import winston from 'winston';

/** What varies in a log line; never a secret, never a record's content. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Structured log: the message is constant, what varies is a field (STYLE 9). */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose every line also carries `fields`. */
  with(fields: LogFields): Log;
}

/** Logs JSON lines to stderr, with `component` on every line. */
export function systemLog(component: string, level = 'info'): Log {
  const logger = winston.createLogger({
    level,
    format: winston.format.combine(winston.format.timestamp(), winston.format.json()),
    transports: [new winston.transports.Stream({ stream: process.stderr })],
  });
  return over(logger, { component });
}

/** Drops every line; for tests. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silentLog };

function over(logger: winston.Logger, fixed: LogFields): Log {
  const at = (level: string) => (message: string, fields?: LogFields) => {
    logger.log(level, message, { ...fixed, ...fields });
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => over(logger, { ...fixed, ...fields }),
  };
}
