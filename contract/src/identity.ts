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
/** A password that may be wrong. */
const givenPassword = z.string().normalize('NFC').min(1).max(200);
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
    /** Whether somebody proved, by a mailed code, that they read mails to this address. */
    emailConfirmed: z.boolean(),
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
    password: givenPassword,
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

/** A code that was mailed. `code` is the code itself, only where mails are not really sent. */
const codeSent = z.strictObject({
  email: z.string(),
  endsAt: instant,
  code: z.string().nullable(),
});
/** As people type it: the dash, spaces and the case do not matter. */
const givenCode = z.string().min(1).max(40).meta({ example: '7kq2m-9txvd' });

// Rare calls, each of which hashes a password or sends a mail.
const rare = { perMinute: 20, burst: 10 };

export const requestEmailCode = defineRoute({
  name: 'requestEmailCode',
  method: 'POST',
  path: '/api/v1/me/email/code',
  tag,
  summary: 'Send a code to your address; `confirmEmail` with it proves that you read mails there',
  auth: 'account',
  rate: rare,
  responses: { 202: codeSent },
  problems: ['EMAIL_CONFIRMED_ALREADY'],
});

export const changeEmail = defineRoute({
  name: 'changeEmail',
  method: 'POST',
  path: '/api/v1/me/email',
  tag,
  summary: 'Send a code to a new address; it becomes yours with `confirmEmail`, not before',
  auth: 'account',
  rate: rare,
  body: z.strictObject({ email, password: givenPassword }),
  responses: { 202: codeSent },
  problems: ['PASSWORD_WRONG', 'EMAIL_TAKEN'],
});

export const confirmEmail = defineRoute({
  name: 'confirmEmail',
  method: 'POST',
  path: '/api/v1/me/email/confirm',
  tag,
  summary: 'Confirm the address to which a code was sent; the new access token may hold and join',
  auth: 'account',
  rate: rare,
  body: z.strictObject({ code: givenCode }),
  responses: { 200: signedIn },
  problems: ['CODE_WRONG', 'EMAIL_TAKEN'],
});

export const requestPasswordReset = defineRoute({
  name: 'requestPasswordReset',
  method: 'POST',
  path: '/api/v1/auth/forgot',
  tag,
  summary: 'Send a code to the address of an account, if there is one, to set a new password',
  auth: 'public',
  rate: { perMinute: 300, burst: 60 },
  rateBy: 'address',
  body: z.strictObject({ email }),
  responses: { 202: codeSent },
  problems: [],
});

export const resetPassword = defineRoute({
  name: 'resetPassword',
  method: 'POST',
  path: '/api/v1/auth/reset',
  tag,
  summary: 'Set a new password with the mailed code; ends all sessions of the account',
  auth: 'public',
  rate: { perMinute: 300, burst: 60 },
  rateBy: 'address',
  body: z.strictObject({ email, code: givenCode, password }),
  responses: { 204: null },
  problems: ['CODE_WRONG', 'PASSWORD_TOO_COMMON'],
});

export const changePassword = defineRoute({
  name: 'changePassword',
  method: 'POST',
  path: '/api/v1/me/password',
  tag,
  summary: 'Change your password; ends all your sessions and begins a new one here',
  auth: 'account',
  rate: rare,
  body: z.strictObject({ current: givenPassword, password }),
  responses: { 200: signedIn },
  problems: ['PASSWORD_WRONG', 'PASSWORD_TOO_COMMON'],
});

export const editMe = defineRoute({
  name: 'editMe',
  method: 'PATCH',
  path: '/api/v1/me',
  tag,
  summary: 'Change your name or language; what is left out stays',
  auth: 'account',
  rate: { perMinute: 60, burst: 20 },
  body: z.strictObject({ name: personName.optional(), locale: locale.optional() }),
  responses: { 200: account },
  problems: [],
});

const session = z
  .strictObject({
    id: idOf('session'),
    startedAt: instant,
    /** When its token was last refreshed. */
    usedAt: instant,
    endsAt: instant,
    /** The one that makes this call. */
    isThis: z.boolean(),
  })
  .meta({ id: 'Session' });

export const listSessions = defineRoute({
  name: 'listSessions',
  method: 'GET',
  path: '/api/v1/me/sessions',
  tag,
  summary: 'Where you are signed in: your sessions, newest first',
  auth: 'account',
  rate: { perMinute: 60, burst: 20 },
  responses: { 200: z.strictObject({ items: z.array(session) }) },
  problems: [],
});

export const endSession = defineRoute({
  name: 'endSession',
  method: 'DELETE',
  path: '/api/v1/me/sessions/{sessionId}',
  tag,
  summary: 'End one of your sessions; its tokens are refused at once',
  auth: 'account',
  rate: { perMinute: 60, burst: 20 },
  params: z.strictObject({ sessionId: idOf('session') }),
  responses: { 204: null },
  problems: ['NOT_FOUND'],
});

export const endOtherSessions = defineRoute({
  name: 'endOtherSessions',
  method: 'DELETE',
  path: '/api/v1/me/sessions',
  tag,
  summary: 'End all your sessions except this one',
  auth: 'account',
  rate: { perMinute: 60, burst: 20 },
  responses: { 204: null },
  problems: [],
});

export const readMyData = defineRoute({
  name: 'readMyData',
  method: 'GET',
  path: '/api/v1/me/data',
  tag,
  summary:
    'What is kept about your account: itself, its sessions and its history. Orders: listOrders',
  auth: 'account',
  rate: rare,
  responses: {
    200: z.strictObject({
      account,
      sessions: z.array(session),
      history: z.array(z.strictObject({ at: instant, what: z.string(), why: z.string() })),
    }),
  },
  problems: [],
});

export const leave = defineRoute({
  name: 'leave',
  method: 'POST',
  path: '/api/v1/me/leave',
  tag,
  summary: 'Leave for good: your name and address are erased; orders stay, without them',
  auth: 'account',
  rate: rare,
  body: z.strictObject({ password: givenPassword }),
  responses: { 204: null },
  problems: ['PASSWORD_WRONG'],
});

export const identityRoutes = [
  signUp,
  logIn,
  refresh,
  logOut,
  readMe,
  requestPasswordReset,
  resetPassword,
  editMe,
  changePassword,
  requestEmailCode,
  changeEmail,
  confirmEmail,
  listSessions,
  endSession,
  endOtherSessions,
  readMyData,
  leave,
];
