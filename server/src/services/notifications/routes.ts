import { listMails } from '@usher/contract/operations.ts';
import { sendTicketsAgain } from '@usher/contract/orders.ts';
import { idOf } from '@usher/contract/primitives.ts';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { refuse } from '../../platform/http/problem.ts';
import { type RateLimiter, toSubscriber } from '../../platform/http/rate-limit.ts';
import { answer, type Route, route } from '../../platform/http/route.ts';
import { listedMax, pageRate } from './limits.ts';
import {
  renderNoSuchAddress,
  renderNoSuchMail,
  renderOpeningMails,
  renderOutbox,
  renderOutboxMail,
  renderTooMany,
} from './render.ts';
import type { OpeningMails, Stops } from './service.stopping.ts';
import type { NotificationsStore } from './store.ts';

const repeatStates = {
  queued: 'QUEUED',
  'on-its-way': 'ON_ITS_WAY',
  'too-soon': 'TOO_SOON',
} as const;

export const makeNotificationsRoutes = (
  store: NotificationsStore,
  findByLink: (linkToken: string) => string | null,
): Route[] => [
  route(listMails, async ({ query }) => {
    const read = query.only === 'failing' ? store.failing : store.newest;
    const items = (await read(listedMax)).map((mail) => ({
      id: mail.id,
      kind: mail.kind,
      aboutId: mail.aboutId,
      recipientId: mail.recipientId,
      to: mail.to,
      subject: mail.subject,
      text: mail.text,
      writtenAt: mail.writtenAt.toISOString(),
      sentAt: mail.sentAt?.toISOString() ?? null,
      givenUpAt: mail.givenUpAt?.toISOString() ?? null,
      tries: mail.tries,
      error: mail.state === 'SENT' ? null : mail.reason,
    }));
    return answer(200, { items });
  }),
  route(sendTicketsAgain, async ({ params }) => {
    const orderId = findByLink(params.linkToken);
    const outcome = orderId === null ? null : await store.repeat(orderId);
    return outcome === null ? refuse('NOT_FOUND') : answer(200, { state: repeatStates[outcome] });
  }),
];

/** These pages run no scripts, send forms only to us, and no other site may frame them. */
const pagePolicy =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; " +
  "frame-ancestors 'none'";

const sendPage = (reply: FastifyReply, status: number, html: string): FastifyReply =>
  reply
    .code(status)
    .header('content-type', 'text/html; charset=utf-8')
    .header('content-security-policy', pagePolicy)
    .header('cache-control', 'no-store')
    .header('referrer-policy', 'no-referrer')
    .send(html);

/** Pages that show the mails when no SMTP server is set; not part of the JSON contract. */
export const registerOutboxPages = (
  app: FastifyInstance,
  store: NotificationsStore,
  folder: string,
): void => {
  app.get('/outbox', async (_request, reply) =>
    sendPage(reply, 200, renderOutbox(await store.newest(listedMax), folder)),
  );
  app.get<{ Params: { mailId: string } }>('/outbox/:mailId', async (request, reply) => {
    const id = idOf('mail').safeParse(request.params.mailId);
    const mail = id.success ? await store.written(id.data) : null;
    return mail === null
      ? sendPage(reply, 404, renderNoSuchMail())
      : sendPage(reply, 200, renderOutboxMail(mail, folder));
  });
};

type StopRoute = { Params: { token: string } };

/**
 * The page at the end of a mail about a sale: it stops such mails, and allows them again. A mail
 * program's own button posts to the page's address (RFC 8058).
 */
export const registerStopPages = (
  app: FastifyInstance,
  stops: Pick<Stops, 'read' | 'set'>,
  /** Null: no limits. */
  limiter: RateLimiter | null,
): void => {
  const respond = async (
    { ip, params }: { readonly ip: string; readonly params: StopRoute['Params'] },
    reply: FastifyReply,
    decide: (token: string) => Promise<OpeningMails | null>,
  ): Promise<FastifyReply> => {
    const waitMs = limiter?.waitMs(toSubscriber(ip), pageRate) ?? 0;
    if (waitMs > 0) {
      reply.header('retry-after', Math.ceil(waitMs / 1000));
      return sendPage(reply, 429, renderTooMany());
    }
    const state = await decide(params.token);
    return state === null
      ? sendPage(reply, 404, renderNoSuchAddress())
      : sendPage(reply, 200, renderOpeningMails(state, params.token));
  };
  const stop = (token: string) => stops.set(token, 'stopped');
  const allow = (token: string) => stops.set(token, 'sent');
  const address = '/mails/openings/:token';
  void app.register((pages, _options, registered) => {
    // Forms have no fields: what is asked for is in their address.
    pages.addContentTypeParser(
      ['application/x-www-form-urlencoded', 'multipart/form-data'],
      { parseAs: 'string', bodyLimit: 1024 },
      (_request, _body, done) => done(null, undefined),
    );
    pages.get<StopRoute>(address, async (request, reply) => respond(request, reply, stops.read));
    pages.post<StopRoute>(address, async (request, reply) => respond(request, reply, stop));
    pages.post<StopRoute>(`${address}/stop`, async (request, reply) =>
      respond(request, reply, stop),
    );
    pages.post<StopRoute>(`${address}/start`, async (request, reply) =>
      respond(request, reply, allow),
    );
    registered();
  });
};
