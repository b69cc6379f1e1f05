import { readEmail } from '@usher/domain/email.ts';
import { accountRoles } from '@usher/domain/roles.ts';
import { z } from 'zod';
import { idOf, instant, locale } from './primitives.ts';
import { defineRoute } from './route.ts';

export const role = z.enum(accountRoles);

/** An address as people write it; the server reads it in the one form that is stored. */
export const email = z
  .string()
  .max(320)
  .overwrite((text) => readEmail(text) ?? text)
  .refine(
    (text) => text === readEmail(text),
    'must be an e-mail address, such as minji@example.com',
  )
  .meta({ format: 'email', example: 'minji@example.com' });

/** 8 to 200 characters, compared as typed; no rules about which characters (ASVS 6.2). */
export const password = z.string().normalize('NFC').min(8).max(200);
/** Characters that show nothing, such as the zero-width space and the Hangul filler. */
const invisible = /\p{Default_Ignorable_Code_Point}/gu;

/** One line: names stand in mail headers and on tickets. */
const personName = z
  .string()
  .trim()
  .normalize('NFC')
  .min(1)
  .max(60)
  .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]+$/u, 'must be one line without control characters')
  // They would turn the words after the name around, in a mail or on a list.
  .refine((name) => !/\p{Bidi_Control}/u.test(name), 'must not change the direction of writing')
  .refine((name) => /[\p{L}\p{N}\p{S}]/u.test(name.replace(invisible, '')), 'must be readable')
  .refine((name) => !/\p{M}{5}/u.test(name), 'has too many marks on one letter')
  .meta({ example: '김민지' });

export const account = z
  .strictObject({
    id: idOf('account'),
    email: z.string(),
    name: z.string(),
    role,
    locale,
    createdAt: instant,
  })
  .meta({ id: 'Account' });
export type Account = z.infer<typeof account>;

export const signedIn = z
  .strictObject({
    account,
    accessToken: z.string(),
    accessTokenEndsAt: instant,
  })
  .meta({ id: 'SignedIn' });

const tag = 'Identity';
// Hashing waits in a line of its own, fair by address, and only wrong passwords are limited: this
// rate is for thousands of people behind one address.
const crowd = { perMinute: 3000, burst: 600 };
/** The solution of a challenge that an earlier response contained. */
const solution = z
  .string()
  .max(4096)
  .optional()
  .meta({ description: 'ALTCHA payload, base64, for the `challenge` of a refusal' });

export const signUp = defineRoute({
  name: 'signUp',
  method: 'POST',
  path: '/api/v1/auth/sign-up',
  tag,
  summary: 'Create a buyer account and sign in',
  auth: 'public',
  rate: { perMinute: 2400, burst: 400 },
  rateBy: 'address',
  body: z.strictObject({
    email,
    password,
    name: personName,
    locale: locale.default('ko'),
    solution,
  }),
  responses: { 201: signedIn },
  problems: ['EMAIL_TAKEN', 'PASSWORD_TOO_COMMON', 'CHALLENGE_REQUIRED', 'CHALLENGE_FAILED'],
});

export const logIn = defineRoute({
  name: 'logIn',
  method: 'POST',
  path: '/api/v1/auth/login',
  tag,
  summary: 'Sign in; the refresh token is set as an HttpOnly cookie',
  auth: 'public',
  rate: crowd,
  rateBy: 'address',
  body: z.strictObject({
    email,
    password: z.string().normalize('NFC').min(1).max(200),
    solution,
  }),
  responses: { 200: signedIn },
  problems: ['CREDENTIALS_WRONG'],
});

export const refresh = defineRoute({
  name: 'refresh',
  method: 'POST',
  path: '/api/v1/auth/refresh',
  tag,
  summary: 'Exchange the refresh cookie for a new one and a new access token',
  auth: 'public',
  rate: { perMinute: 6000, burst: 1200 },
  rateBy: 'address',
  responses: { 200: signedIn },
  problems: ['REFRESH_REFUSED', 'ORIGIN_REFUSED'],
});

export const logOut = defineRoute({
  name: 'logOut',
  method: 'POST',
  path: '/api/v1/auth/logout',
  tag,
  summary: 'Sign out: end the session at once, on every process',
  auth: 'account',
  rate: { perMinute: 60, burst: 10 },
  responses: { 204: null },
  problems: [],
});

export const readMe = defineRoute({
  name: 'readMe',
  method: 'GET',
  path: '/api/v1/me',
  tag,
  summary: 'Read your account',
  auth: 'account',
  rate: { perMinute: 300, burst: 60 },
  responses: { 200: account },
  problems: [],
});

export const identityRoutes = [signUp, logIn, refresh, logOut, readMe];
