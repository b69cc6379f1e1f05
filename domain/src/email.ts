/** What RFC 5322 allows before the @ without quotes, and letters of all scripts (RFC 6531). */
const atom = "[\\p{L}\\p{M}\\p{N}!#$%&'*+/=?^_`{|}~-]+";
const localPart = new RegExp(`^${atom}(?:\\.${atom})*$`, 'u');
const label = '[a-z\\d](?:[a-z\\d-]{0,61}[a-z\\d])?';
/** Two labels at least; the last one is no number, or it would be an IPv4 address. */
const asciiDomain = new RegExp(`^(?:${label}\\.)+(?=[a-z])${label}$`);
/** What a URL would take for something other than its host. */
const notInDomain = /[\s/\\?#@:[\]%]/;

/** A domain in the form in which it is sent: `한국.한국` is `xn--3e0b707e.xn--3e0b707e`. */
const readDomain = (domain: string): string | null => {
  const address = `http://${domain}`;
  if (notInDomain.test(domain) || !URL.canParse(address)) return null;
  const { hostname } = new URL(address);
  return asciiDomain.test(hostname) ? hostname : null;
};

/**
 * An e-mail address in the one form in which it is stored, or null if it is none: in lower case and
 * NFC, its domain in ASCII, as a browser's own field sends it. Addresses in quotes (`"a b"@…`) and
 * at bare IP addresses exist only in the standard, and are refused.
 */
export const readEmail = (text: string): string | null => {
  const folded = text.trim().normalize('NFC').toLowerCase();
  const at = folded.lastIndexOf('@');
  const local = folded.slice(0, at);
  const domain = at < 0 ? null : readDomain(folded.slice(at + 1));
  if (domain === null || local.length > 64 || !localPart.test(local)) return null;
  const email = `${local}@${domain}`;
  return email.length > 254 ? null : email;
};

/** The mailbox of an address: `minji+sale@…` is delivered to `minji@…` by most providers. */
export const findMailbox = (email: string): string => email.replace(/^([^+@]+)\+[^@]*@/, '$1@');
