// The only upgrade we know: an agent's dial-out stream.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ApiError, kinds, tunnelProtocol } from '../../apis/index.ts';
import type { Log } from '../../base/index.ts';
import { TunnelConnection } from '../tunnel/connection.ts';
import type { Tunnels } from '../tunnel/tunnels.ts';
import type { RequestInfo } from './request-info.ts';
import { refusalOf } from './respond.ts';

/** What an upgrade needs; nothing of it is closed here. */
export interface UpgradeDeps {
  readonly tunnels: Tunnels;
  readonly log: Log;
  /** Authenticates, parses and authorises, as for any request. */
  readonly admit: (request: IncomingMessage) => Promise<RequestInfo>;
}

/** Answers an upgrade: 101 and a tunnel, or the Status of the refusal and the end of the connection. */
export async function serveUpgrade(
  deps: UpgradeDeps,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  // A peer that goes while it is being judged is no error of ours.
  const ignore = (): void => undefined;
  socket.on('error', ignore);
  try {
    const about = await deps.admit(request);
    const [, pod, how] = /\/pods\/([^/]+)\/(exec|attach|portforward)(?:\?|$)/.exec(request.url ?? '') ?? [];
    if (about.kind === 'unknown' && how !== undefined)
      throw new ApiError('MethodNotAllowed', `${how} does not reach into pod "${pod}": it shows a slice`, {});
    const isTunnel = about.kind === 'resource' && about.info === kinds.nodes && about.subresource === 'tunnel';
    if (!isTunnel || about.name === undefined) throw new ApiError('BadRequest', 'nothing here can be upgraded');
    if (request.headers.upgrade !== tunnelProtocol) {
      throw new ApiError(
        'BadRequest',
        `the tunnel speaks ${tunnelProtocol}; the request offers ${request.headers.upgrade ?? ''}`,
      );
    }
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${tunnelProtocol}\r\n\r\n`);
    socket.off('error', ignore);
    deps.tunnels.add(about.name, new TunnelConnection(socket, head));
    deps.log.info('node connected', { node: about.name });
  } catch (error) {
    const refusal = refusalOf(error, deps.log);
    const body = JSON.stringify(refusal.toStatus());
    socket.end(
      `HTTP/1.1 ${refusal.code} ${refusal.reason}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }
}
