import { listMails } from '@usher/contract/operations.ts';
import { idOf } from '@usher/contract/primitives.ts';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { answer, type Route, route } from '../../platform/http/route.ts';
import { listedMax } from './limits.ts';
import { renderNoSuchMail, renderOutbox, renderOutboxMail } from './render.ts';
import type { NotificationsStore } from './store.ts';

export const makeNotificationsRoutes = (store: NotificationsStore): Route[] => [
  route(listMails, async () => {
    const mails = await store.newest(listedMax);
    const items = mails.map((mail) => ({
      id: mail.id,
      to: mail.to,
      subject: mail.subject,
      writtenAt: mail.writtenAt.toISOString(),
      sentAt: mail.sentAt?.toISOString() ?? null,
      givenUpAt: mail.givenUpAt?.toISOString() ?? null,
      error: mail.state === 'SENT' ? null : mail.reason,
      text: mail.text,
    }));
    return answer(200, { items });
  }),
];

/** These pages run no scripts, and no other site may frame them. */
const pagePolicy =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; " +
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
