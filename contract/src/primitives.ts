import { findGradeNameFault } from '@usher/domain/grades.ts';
import { type IdKind, idBody, idPrefixes } from '@usher/domain/ids.ts';
import { readInstant } from '@usher/domain/instant.ts';
import { currency, type Money } from '@usher/domain/money.ts';
import { type LocalText, locales } from '@usher/domain/text.ts';
import { z } from 'zod';

export const idOf = (kind: IdKind) =>
  z
    .string()
    .regex(new RegExp(`^${idPrefixes[kind]}_${idBody}$`), `must be a ${kind} id`)
    .meta({ example: `${idPrefixes[kind]}_01jd8zk3v7q2m4x6t9w1y5b0ce` });

/** An instant in ISO 8601, UTC, milliseconds. */
export const instant = z.iso
  .datetime({ precision: 3 })
  .meta({ example: '2026-12-24T10:30:00.000Z' });

/** An instant as a client writes it, see domain/instant.ts; the server reads it as `instant`. */
export const givenInstant = z
  .string()
  .max(64)
  .overwrite((text) => readInstant(text) ?? text)
  .refine(
    (text) => text === readInstant(text),
    'must be an ISO 8601 instant with its offset, such as 2026-12-24T19:30:00+09:00',
  )
  .meta({ format: 'date-time', example: '2026-12-24T19:30:00+09:00' });

/** Money in integer minor units of its currency; the won has none, so 150000 is ₩150,000. */
export const money = z
  .strictObject({
    amount: z.int().min(0).max(1_000_000_000_000),
    currency: z.literal(currency),
  })
  .meta({ id: 'Money' }) satisfies z.ZodType<Money>;

/**
 * Why a text cannot be stored; null: it can. PostgreSQL keeps neither a NUL nor half of a surrogate
 * pair, and one such text would fail the statement of everybody in its batch. The server asks this
 * of every text that comes in.
 */
export const findTextFault = (text: string): string | null => {
  if (text.includes('\0')) return 'contains a NUL character';
  return text.isWellFormed() ? null : 'contains half of a surrogate pair';
};

/** A text for people, in the languages of the product. */
const readable = z
  .string()
  .trim()
  .min(1)
  .max(2000)
  .refine((text) => findTextFault(text) === null, 'has a broken character');
export const localText = z
  .strictObject({
    ko: readable,
    en: readable,
  })
  .meta({ id: 'LocalText' }) satisfies z.ZodType<LocalText>;

const oneLine = readable.regex(
  /^[^\p{Cc}\p{Zl}\p{Zp}]+$/u,
  'must be one line without control characters',
);
/** A title or name as an organiser gives it: it stands in mail headers and on tickets. */
export const givenTitle = z.strictObject({ ko: oneLine, en: oneLine });

export const locale = z.enum(locales);
export const gradeCode = z
  .string()
  .regex(/^[A-Z0-9]{1,8}$/, 'must be 1 to 8 capital letters or digits')
  .meta({ example: 'VIP' });
/** What an organiser calls a grade: any words, see domain/grades.ts. */
export const gradeName = z
  .string()
  .max(80)
  .superRefine((name, context) => {
    const fault = findGradeNameFault(name);
    if (fault !== null) context.addIssue({ code: 'custom', message: fault });
  })
  .meta({ example: '가족석' });
export const timeZone = z.string().min(1).max(64).meta({ example: 'Asia/Seoul' });
export const seatNo = z.int().min(0).max(99_999);

/** Lists are paged: `cursor` is opaque; take it from `nextCursor` of the previous page. */
export const pageQuery = {
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
};
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({ items: z.array(item), nextCursor: z.string().nullable() });
