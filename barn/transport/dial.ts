import { connect, type SecureContextOptions } from 'node:tls';
import type { Clock } from '../../base/index.ts';
import { malformed } from './byte-reader.ts';
import { bearsName } from './credentials.ts';
import { TransportError } from './error.ts';
import { frameKinds } from './frames.ts';
import { greetingBytesMax, type Hello, readRefusal, writeHello } from './hello.ts';
import type { TransportLimits } from './limits.ts';
import { Link } from './link.ts';

/** Where to dial, and whose certificate is to answer; without a name any that the authority signed. */
export interface Target {
  readonly url: string;
  readonly name?: string;
}

/** What every connection of a member begins with. */
export interface DialOptions {
  readonly secure: SecureContextOptions;
  readonly clock: Clock;
  readonly limits: TransportLimits;
  readonly hello: Hello;
}

/**
 * A connection to a peer that was greeted and gave its welcome; the caller listens at once and owns it. Errors: Unreachable,
 * Refused (also when the certificate is another member's), Malformed; Closed when the signal aborts.
 */
export function dial(peer: Target, options: DialOptions, signal: AbortSignal): Promise<Link> {
  const { clock, limits } = options;
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(peer.url);
    const host = hostname.replace(/^\[|\]$/g, '');
    // A name in the certificate says who it is; where it runs may change.
    const socket = connect({
      ...options.secure,
      host,
      port: port === '' ? 443 : Number(port),
      checkServerIdentity: () => undefined,
    });
    let link: Link | undefined;
    const timer = clock.after(limits.handshakeMs, () =>
      fail(unreachable(peer, `no welcome in ${limits.handshakeMs} ms`)),
    );
    const onAbort = (): void => fail(new TransportError('Closed', 'the transport was closed'));
    signal.addEventListener('abort', onAbort, { once: true });
    const settle = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
    };
    function fail(error: TransportError): void {
      settle();
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    }
    function onError(cause: Error): void {
      fail(unreachable(peer, cause.message, cause));
    }
    socket.on('error', onError);
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate();
      if (certificate === undefined || (peer.name !== undefined && !bearsName(certificate, peer.name)))
        return fail(wrongName(peer, certificate?.subject));
      link = new Link(socket, {
        clock,
        limits,
        frameBytesMax: greetingBytesMax,
        listener: {
          onFrame(kind, body) {
            if (kind === frameKinds.refused)
              return fail(
                new TransportError(
                  'Refused',
                  `${peer.name ?? 'the peer'} at ${peer.url} refused: ${readRefusal(body)}`,
                ),
              );
            if (kind !== frameKinds.welcome || link === undefined)
              throw malformed(`is a frame of kind ${kind} for a greeting`);
            settle();
            link.widen(limits.frameBytesMax);
            resolve(link);
          },
          onClosed: (error) => fail(unreachable(peer, error.message, error)),
        },
      });
      link.frame(frameKinds.hello, (writer) => writeHello(writer, options.hello));
      link.push();
    });
    if (signal.aborted) onAbort();
  });
}

function unreachable(peer: Target, why: string, cause?: unknown): TransportError {
  return new TransportError('Unreachable', `${peer.name ?? 'the peer'} at ${peer.url} cannot be reached: ${why}`, {
    cause,
  });
}

function wrongName(peer: Target, subject: string | undefined): TransportError {
  const found = JSON.stringify(subject ?? '');
  const message = `who answers at ${peer.url} has a certificate of ${found}, which does not bear the name ${peer.name}`;
  return new TransportError('Refused', message);
}
