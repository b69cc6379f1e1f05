import { timingSafeEqual } from 'node:crypto';
import { makeTextSigner } from '../../platform/signed-token.ts';

/** Without i, l, o and u, which are mistaken for other letters. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
/** 50 bits: too many to be guessed within the hour, so wrong codes lock nobody out. */
const letters = 10;

export type Codes = {
  /** The code of this id, such as `7kq2m-9txvd`. */
  write(codeId: string): string;
  /** Whether a text is that code, however it was typed. */
  matches(codeId: string, given: string): boolean;
};

/** Codes that people type from a mail. They are computed, so that no table holds them. */
export const makeCodes = (secret: string): Codes => {
  const signer = makeTextSigner(secret, 'mailed code');
  const spell = (codeId: string): string => {
    const bytes = Buffer.from(signer.mac(codeId), 'base64url');
    return Array.from(bytes.subarray(0, letters), (byte) => alphabet[byte & 31]).join('');
  };
  /** What was probably meant: an o is a zero, an i or l a one. */
  const readTyped = (given: string): string =>
    given
      .normalize('NFKC')
      .toLowerCase()
      .replaceAll(/[\s-]/g, '')
      .replaceAll('o', '0')
      .replaceAll(/[il]/g, '1');
  return {
    write: (codeId) => {
      const text = spell(codeId);
      return `${text.slice(0, 5)}-${text.slice(5)}`;
    },
    matches: (codeId, given) => {
      const [code, typed] = [Buffer.from(spell(codeId)), Buffer.from(readTyped(given))];
      return code.length === typed.length && timingSafeEqual(code, typed);
    },
  };
};
