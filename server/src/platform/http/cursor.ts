import { z } from 'zod';
import { cleanTexts } from '../texts.ts';
import { type Refusal, validationRefusal } from './problem.ts';

/** An instant in a cursor, in ms since 1970: what a Date can hold. */
export const instantMs = z.int().min(0).max(8_640_000_000_000_000);

/**
 * Where a page ended, as opaque text: the last item's place in the order, so that pages neither
 * repeat nor miss an item when others are added meanwhile.
 */
export const encodeCursor = (place: readonly (string | number | null)[]): string =>
  Buffer.from(JSON.stringify(place)).toString('base64url');

/** Where to continue (null: at the start), or a refusal of a cursor that is not ours. */
export const decodeCursor = <T>(
  cursor: string | undefined,
  schema: z.ZodType<T>,
): { after: T | null } | { refusal: Refusal } => {
  if (cursor === undefined) return { after: null };
  const place = parseJson(Buffer.from(cursor, 'base64url').toString());
  const parsed = schema.safeParse(place);
  const isClean = Array.isArray(place) && cleanTexts({ place }) === null;
  if (parsed.success && isClean) return { after: parsed.data };
  const message = 'is not a nextCursor of this list';
  return { refusal: validationRefusal('query', [{ path: ['cursor'], message }]) };
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
