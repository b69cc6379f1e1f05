/** An id is a prefix that names its kind, `_`, and 26 lower-case Crockford base32 characters. */
export function isId(prefix: string, value: string): boolean {
  return value.startsWith(`${prefix}_`) && BODY.test(value.slice(prefix.length + 1));
}

const BODY = /^[0-9a-hjkmnp-tv-z]{26}$/;
