import { createTransport } from 'nodemailer';
import { smtpConnections, smtpConnectTimeoutMs, smtpSilenceTimeoutMs } from './limits.ts';
import type { Postman } from './service.ts';

const hasOwnReply = (error: unknown): error is Error & { permanent: boolean; command: string } =>
  error instanceof Error && 'permanent' in error && 'command' in error;

/** Connections are pooled. A failed mail is retried by its job, not here. */
export const makeSmtpPostman = (url: string): Postman => {
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: smtpConnections,
    maxRequeues: 0,
    connectionTimeout: smtpConnectTimeoutMs,
    greetingTimeout: smtpConnectTimeoutMs,
    dnsTimeout: smtpConnectTimeoutMs,
    socketTimeout: smtpSilenceTimeoutMs,
  });
  return {
    send: async (mail) => {
      try {
        const { from, to, raw } = mail.message;
        await transport.sendMail({ envelope: { from, to }, raw: Buffer.from(raw) });
        return { outcome: 'sent' };
      } catch (error) {
        // Only a refused address is permanent: any other refusal can be a setting that will be
        // fixed.
        if (hasOwnReply(error) && error.permanent && error.command === 'RCPT TO')
          return { outcome: 'refused', reason: error.message };
        throw error;
      }
    },
    close: () => transport.close(),
  };
};
