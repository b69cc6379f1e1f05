import { createHash } from 'node:crypto';

/** A Lua script, called by its digest; its answer is read by whoever wrote it. */
export type RedisScript<Answer> = {
  /** For metrics and logs. */
  readonly name: string;
  readonly text: string;
  readonly digest: string;
  readonly wantsBytes: boolean;
  readonly read: (reply: unknown) => Answer;
};

export const makeScript = <Answer>(given: {
  name: string;
  text: string;
  /** Texts of the answer come as Buffers: they are no UTF-8. */
  wantsBytes?: boolean;
  /** Turns integers, texts and lists of them into what the caller needs. */
  read: (reply: unknown) => Answer;
}): RedisScript<Answer> => ({
  ...given,
  wantsBytes: given.wantsBytes ?? false,
  // What Redis calls it by.
  digest: createHash('sha1').update(given.text).digest('hex'),
});
