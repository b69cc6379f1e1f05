import { createHash } from 'node:crypto';

/** A Lua script, called by its digest, with a parser for its reply. */
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
  /** Strings in the reply come as Buffers: they are not UTF-8. */
  wantsBytes?: boolean;
  /** Turns integers, strings and lists of them into the result. */
  read: (reply: unknown) => Answer;
}): RedisScript<Answer> => ({
  ...given,
  wantsBytes: given.wantsBytes ?? false,
  // The digest by which Redis calls it.
  digest: createHash('sha1').update(given.text).digest('hex'),
});
