/** Milliseconds since 1970 as instants are written on the wire: ISO 8601, UTC. */
export const writeInstant = (atMs: number): string => new Date(atMs).toISOString();

const dateAndTime = /(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:[.,](\d+))?)?/;
const offset = /(?:Z|([+-])([01]\d|2[0-3])(?::?([0-5]\d))?)/;
const written = new RegExp(`^${dateAndTime.source}${offset.source}$`, 'i');

/**
 * Reads an instant as people and programs write it: ISO 8601, date and time of day with the offset
 * from UTC (`Z`, `+09:00`, `+0900`, `+09`), the seconds and their fraction optional. What is
 * shorter than a millisecond is dropped. Answers it in UTC with milliseconds, or null for a text
 * that names no instant, such as one without an offset or the 30th of February, and for one outside
 * the years 0 to 9999.
 */
export const readInstant = (text: string): string | null => {
  const parts = written.exec(text);
  if (parts === null) return null;
  const [, date = '', hour, minute, second = '00', fraction = '', sign, offHour, offMinute] = parts;
  const day = Date.parse(`${date}T00:00:00.000Z`);
  // A date that no month has is taken for one of the next month.
  if (Number.isNaN(day) || !new Date(day).toISOString().startsWith(date)) return null;
  const offsetMinutes = sign === undefined ? 0 : Number(offHour) * 60 + Number(offMinute ?? 0);
  const minutes = Number(hour) * 60 + Number(minute) - (sign === '-' ? -1 : 1) * offsetMinutes;
  const ms = Number(second) * 1000 + Number(fraction.slice(0, 3).padEnd(3, '0'));
  const instant = new Date(day + minutes * 60_000 + ms).toISOString();
  return /^\d{4}-/.test(instant) ? instant : null;
};
