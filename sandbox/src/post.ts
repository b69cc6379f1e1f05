import { Agent, request } from 'node:http';
import type { Post } from './webhooks.ts';

/** Posts to one `http:` address over connections that are kept; an answer's body is thrown away. */
export function makePost(target: () => URL | null): { post: Post; close: () => void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const post: Post = (headers, body, answered) => {
    const url = target();
    if (url === null) throw new Error('a webhook was sent although no address is set');
    const outgoing = request(
      url,
      { agent, method: 'POST', headers: { ...headers, 'content-length': Buffer.byteLength(body) } },
      (incoming) => {
        incoming.resume();
        incoming.once('end', () => answered(incoming.statusCode ?? null));
        incoming.once('error', () => answered(null));
      },
    );
    outgoing.once('error', () => answered(null));
    outgoing.end(body);
    return () => outgoing.destroy();
  };
  return { post, close: () => agent.destroy() };
}
