import { isIP } from 'node:net';

/** `203.0.113.7:4000`, `[2001:db8::1]:4000` or `[2001:db8::1]`, as some load balancers write it. */
const withPort = /^(?:\[([^\]]+)\]|([\d.]+))(?::\d+)?$/;

/**
 * The IP address of a caller. A port that a proxy reports with it is removed, or each connection
 * would count as another person. What is no address at all falls back to that of the connection.
 */
export const readCallerAddress = (request: {
  readonly ip: string;
  readonly socket: { readonly remoteAddress?: string | undefined };
}): string => {
  // Fastify computes it from all proxies on every read.
  const reported = request.ip;
  if (isIP(reported) !== 0) return reported;
  const match = withPort.exec(reported.trim());
  const bare = match?.[1] ?? match?.[2] ?? '';
  return isIP(bare) === 0 ? (request.socket.remoteAddress ?? reported) : bare;
};
