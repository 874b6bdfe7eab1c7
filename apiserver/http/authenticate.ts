import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { ApiError } from '../../apis/index.ts';
import { actingUser } from '../auth/impersonate.ts';
import type { TokenLookup } from '../auth/tokens.ts';
import { anonymous, authenticated, type User } from '../auth/user.ts';

/** Who a request comes from, or acts as. Errors: Unauthorized (a credential that is none), Forbidden (it may not act as that). */
export type Authenticate = (request: IncomingMessage) => User;

/** By client certificate, else by bearer token; who shows neither is anonymous, to whom nothing is allowed. */
export function authenticator(tokens: TokenLookup): Authenticate {
  // A connection's certificate does not change: renegotiation ended with TLS 1.3 and Node refuses it from clients.
  const users = new WeakMap<TLSSocket, User | 'none' | 'bad'>();
  return (request) => {
    const { socket } = request;
    if (socket instanceof TLSSocket) {
      let user = users.get(socket);
      if (user === undefined) {
        user = certificateUser(socket);
        users.set(socket, user);
      }
      if (typeof user === 'object') return actingUser(user, request);
      // A certificate that is none does not make anonymous whoever shows it.
      if (user === 'bad' && request.headers.authorization === undefined) throw unauthorized();
    }
    const header = request.headers.authorization;
    if (header === undefined) return actingUser(anonymous, request);
    const [scheme, token, ...rest] = header.split(' ');
    const user =
      scheme?.toLowerCase() === 'bearer' && token !== undefined && rest.length === 0 ? tokens(token) : undefined;
    if (user === undefined) throw unauthorized();
    return actingUser(authenticated(user), request);
  };
}

function unauthorized(): ApiError {
  return new ApiError('Unauthorized', 'Unauthorized');
}

function certificateUser(socket: TLSSocket): User | 'none' | 'bad' {
  const { subject } = socket.getPeerCertificate();
  if (subject === undefined) return 'none';
  // Only a certificate that our authority signed for clients counts.
  if (!socket.authorized) return 'bad';
  const name: unknown = subject.CN;
  if (typeof name !== 'string' || name === '') return 'bad';
  const groups: unknown = subject.O;
  return authenticated({
    name,
    groups: Array.isArray(groups) ? groups.map(String) : typeof groups === 'string' ? [groups] : [],
  });
}
