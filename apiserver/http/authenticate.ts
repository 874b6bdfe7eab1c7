import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { ApiError } from '../../apis/index.ts';
import type { TokenLookup } from '../auth/tokens.ts';
import type { User } from '../auth/user.ts';

/** Who a request comes from. Errors: Unauthorized; nobody is anonymous. */
export type Authenticate = (request: IncomingMessage) => User;

/** By client certificate, else by bearer token. */
export function authenticator(tokens: TokenLookup): Authenticate {
  // A connection's certificate does not change: renegotiation ended with TLS 1.3 and Node refuses it from clients.
  const users = new WeakMap<TLSSocket, User | 'none'>();
  return (request) => {
    const { socket } = request;
    if (socket instanceof TLSSocket) {
      let user = users.get(socket);
      if (user === undefined) {
        user = certificateUser(socket) ?? 'none';
        users.set(socket, user);
      }
      if (user !== 'none') return user;
    }
    const header = request.headers.authorization ?? '';
    const [scheme, token, ...rest] = header.split(' ');
    const user =
      scheme?.toLowerCase() === 'bearer' && token !== undefined && rest.length === 0 ? tokens(token) : undefined;
    if (user === undefined) throw new ApiError('Unauthorized', 'Unauthorized');
    return user;
  };
}

function certificateUser(socket: TLSSocket): User | undefined {
  // Only a certificate that our authority signed for clients counts.
  if (!socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  const name: unknown = subject?.CN;
  if (typeof name !== 'string' || name === '') return undefined;
  const groups: unknown = subject.O;
  return { name, groups: Array.isArray(groups) ? groups.map(String) : typeof groups === 'string' ? [groups] : [] };
}
