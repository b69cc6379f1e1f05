import { Agent } from 'undici';

/** A server's response, with its complete body. */
export type Reply = {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: ArrayBufferLike;
};
export type Request = {
  origin: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  headers: Readonly<Record<string, string>>;
  body: string | null;
};
/** `code` says why there was no response; whether the request was executed is then unknown. */
export type Sent = { outcome: 'reply'; reply: Reply } | { outcome: 'no-answer'; code: string };

export type HttpClient = {
  send(request: Request): Promise<Sent>;
  close(): Promise<void>;
};

/** Longer than the server's own timeouts: a payment is answered within 8 to 10 s. */
const answerMaxMs = 15_000;
const connectMaxMs = 3000;

/** Connections are shared: a thousand buyers who think between clicks need no thousand sockets. */
export const makeHttpClient = (connectionsMax: number): HttpClient => {
  const agent = new Agent({
    connections: connectionsMax,
    pipelining: 1,
    connect: { timeout: connectMaxMs },
    headersTimeout: answerMaxMs,
    bodyTimeout: answerMaxMs,
    // A restarted server closes connections that it did not open.
    keepAliveTimeout: 10_000,
  });
  return {
    send: async (request) => {
      try {
        const answer = await agent.request({ ...request, headers: { ...request.headers } });
        const body = await answer.body.arrayBuffer();
        const reply = { status: answer.statusCode, headers: answer.headers, body };
        return { outcome: 'reply', reply };
      } catch (error) {
        return { outcome: 'no-answer', code: codeOf(error) };
      }
    },
    close: () => agent.destroy(),
  };
};

const codeOf = (error: unknown): string => {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  if (error instanceof Error && 'code' in error && typeof error.code === 'string')
    return error.code;
  return error instanceof Error ? error.name : 'NO_ANSWER';
};

export const readText = ({ body }: Reply): string => Buffer.from(body).toString();
