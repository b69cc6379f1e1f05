import { isAscii, isUtf8 } from 'node:buffer';
import { errorCodes, type FastifyInstance } from 'fastify';
import { cleanTexts } from '../texts.ts';
import { type Refusal, validationRefusal } from './problem.ts';

/** A body with a text that cannot be stored. */
export class UncleanBody extends Error {
  readonly refusal: Refusal;
  constructor(fault: { path: readonly string[]; message: string }) {
    super(fault.message);
    this.refusal = validationRefusal('body', [fault]);
  }
}

/**
 * The bodies that the API reads. An empty body is no body, whatever its Content-Type: many clients
 * send that header with every request. What is plain ASCII without escapes needs no look at its
 * texts; the rest is cleaned by the rule for all texts (platform/texts.ts).
 */
export const mountBodyParsers = (app: FastifyInstance): void => {
  app.removeAllContentTypeParsers();
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer' },
    (request, bytes, done) => {
      if (bytes.length === 0) {
        done(null, undefined);
        return;
      }
      const isPlain = isAscii(bytes);
      if (!isPlain && !isUtf8(bytes)) {
        done(new UncleanBody({ path: [], message: 'is not UTF-8' }), undefined);
        return;
      }
      const text = bytes.toString(isPlain ? 'latin1' : 'utf8');
      if (isPlain && !text.includes('\\u')) {
        void parseJson(request, text, done);
        return;
      }
      void parseJson(request, text, (error, value: unknown) => {
        const fault =
          error === null && typeof value === 'object' && value !== null
            ? cleanTexts(value as Record<string, unknown>)
            : null;
        done(fault === null ? error : new UncleanBody(fault), value);
      });
    },
  );
  app.addContentTypeParser<Buffer>('*', { parseAs: 'buffer' }, (request, bytes, done) => {
    const type = request.headers['content-type'] ?? 'none';
    const error = bytes.length === 0 ? null : new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE(type);
    done(error, undefined);
  });
};
