// Fastify's own parser of forms.
import formBody from '@fastify/formbody';
import { logIn } from '@usher/contract/identity.ts';
import { idOf } from '@usher/contract/primitives.ts';
import { type ProblemCode, problems } from '@usher/contract/problems.ts';
import type { RoomNow } from '@usher/contract/waiting-room.ts';
import { firstPollSpreadMs, pollIntervalMs } from '@usher/domain/room/poll-policy.ts';
import type { Locale } from '@usher/domain/text.ts';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
// Express's parser of Accept headers: weights, ranges and `*` by the RFC.
import Negotiator from 'negotiator';
import { z } from 'zod';
import type { Clock } from '../../platform/clock.ts';
import { Failure } from '../../platform/failure.ts';
import { readCallerAddress } from '../../platform/http/caller-address.ts';
import { isFromOwnPage } from '../../platform/http/own-page.ts';
import { makeRateLimiter, toSubscriber } from '../../platform/http/rate-limit.ts';
import type { Caller } from '../../platform/http/route.ts';
import type { Log } from '../../platform/log.ts';
import type { CatalogueService } from '../../services/catalogue/index.ts';
import type { Identity } from '../../services/identity/index.ts';
import type { WaitingRoomDoor } from '../../services/waiting-room/index.ts';
import { makeQueueCookies, type QueueCookies } from './cookies.ts';
import { type QueuePage, type QueuePerson, renderQueueNotice, renderQueuePage } from './view.ts';

export type QueuePagesDeps = {
  room: Pick<WaitingRoomDoor, 'ready' | 'join' | 'readPlace' | 'beat' | 'claim' | 'leave'>;
  catalogue: Pick<CatalogueService, 'show'>;
  identity: Pick<Identity, 'authenticate' | 'logIn' | 'refresh' | 'logOut'>;
  clock: Clock;
  log: Log;
  publicUrl: string;
  rateLimits: boolean;
};

/** Readers must be able to finish a line, and the 30 s to claim are longer. */
const refreshMinMs = 5000;
/** A late person is called again at any moment, and has 30 s from then. */
const lateMs = 10_000;
/** After an external failure, and after too many requests. */
const tryAgainS = 5;
/** Rates of the public page, requested by many from one address, and of personal pages. */
const rates = { page: { perMinute: 6000, burst: 1200 }, deed: { perMinute: 60, burst: 20 } };

/** No script runs on the page, its forms go to us, and no other page may show it in a frame. */
const headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; " +
    "frame-ancestors 'none'",
  'cache-control': 'no-store',
  vary: 'accept-language, cookie',
  'x-content-type-options': 'nosniff',
  'x-robots-tag': 'noindex',
  // With `no-referrer`, browsers would not report that forms come from us.
  'referrer-policy': 'same-origin',
};

/** The longest form is an e-mail address and a password. */
const formBytesMax = 4096;
/** Browsers send some dozen bytes; of a longer header the rest is not read. */
const acceptedCharsMax = 500;

/** Which of our languages the reader prefers; Korean if they accept neither. */
export const chooseLocale = (accepted = ''): Locale => {
  const headers = { 'accept-language': accepted.slice(0, acceptedCharsMax) };
  return new Negotiator({ headers }).language(['ko', 'en']) === 'en' ? 'en' : 'ko';
};

/**
 * When a page refreshes: by the policy of all clients, never so late that a person who is called
 * soon counts as absent, and not all at once after an event that everybody waits for.
 */
export const refreshMsOf = (room: RoomNow, person: QueuePerson, random: number): number => {
  const { f: floorMs, c: ceilingMs, d: divisor, m: multiplier } = room.poll;
  const ask = (etaMs: number | null): number =>
    pollIntervalMs({ floorMs, ceilingMs, divisor }, { etaMs, multiplier, random });
  const opensInMs = (room.lobbyAt ?? room.opensAt ?? room.now) - room.now;
  const soonMs = opensInMs + firstPollSpreadMs(room.waiting) * random;
  const wantedMs = (): number => {
    if (opensInMs > 0) return Math.min(ask(null), soonMs);
    if (person.kind !== 'inside') return ask(null);
    const { standing, etaMs, heartbeatEveryMs } = person.place;
    if (standing === 'LOBBY' || standing === 'CALLED') return ask(0);
    if (standing === 'LATE') return lateMs;
    if (standing !== 'WAITING') return ask(null);
    // The operator's multiplier makes everybody refresh less often, but nobody miss their turn.
    const half = etaMs === null ? Infinity : etaMs.from / 2;
    return Math.min(ask(etaMs?.from ?? null), heartbeatEveryMs ?? Infinity, half);
  };
  return Math.max(refreshMinMs, wantedMs());
};

type Visit = { readonly request: FastifyRequest; readonly reply: FastifyReply };
type Show = QueuePage['show'];

/** Who is logged in on this page; after the session expired, why they have to log in again. */
const makeSessions = ({ identity }: QueuePagesDeps, cookies: QueueCookies) => ({
  of: async ({ request, reply }: Visit): Promise<Caller | ProblemCode | null> => {
    const tokens = cookies.tokens(request);
    if (tokens === null) return null;
    const caller = identity.authenticate(tokens[0]);
    if (caller !== null) return caller;
    const renewed = await identity.refresh(tokens[1], request.id);
    if (renewed.outcome === 'signed-in') {
      cookies.keepSession(reply, renewed);
      return identity.authenticate(renewed.accessToken);
    }
    cookies.dropSession(reply);
    return 'REFRESH_REFUSED';
  },
});

/** From 0 to below 1, derived from the trace's id: random, unless the caller chooses the trace. */
const chanceOf = ({ id }: FastifyRequest): number => Number.parseInt(id.slice(-8), 16) / 2 ** 32;

/** A person's place; reading it also claims the pass if the person is called. */
const makePlaces = ({ room }: QueuePagesDeps, cookies: QueueCookies) => {
  const read = async (who: { showId: string; accountId: string }, kept: string | null) => {
    const found = await room.readPlace(who);
    if (!('refusal' in found) || found.refusal !== 'NO_PLACE' || kept === null) return found;
    // A place that the store has lost is restored by the token that the browser kept.
    const back = await room.beat({ ...who, place: kept });
    return 'refusal' in back ? found : room.readPlace(who);
  };
  return async ({ request, reply }: Visit, showId: string, caller: Caller) => {
    const who = { showId, accountId: caller.accountId };
    const found = await read(who, cookies.place(request, showId));
    if ('refusal' in found) {
      const fault = found.refusal === 'NO_PLACE' ? null : found.refusal;
      return { kind: 'outside', fault } as const;
    }
    let { place } = found;
    if (place.standing === 'CALLED' || place.standing === 'LATE') {
      const claimed = await room.claim({ ...who, place: place.token });
      if (!('refusal' in claimed)) place = claimed.place;
    }
    cookies.keepPlace(reply, showId, place);
    return { kind: 'inside', place } as const;
  };
};

const deedForm = z.discriminatedUnion('deed', [
  z.object({ deed: z.literal('log-in'), email: z.string(), password: z.string() }),
  z.object({ deed: z.enum(['join', 'leave', 'log-out']) }),
]);
type Done = { outcome: 'done' } | { outcome: 'not'; person: QueuePerson };

/** What the forms do. */
const makeDeeds = (deps: QueuePagesDeps, cookies: QueueCookies) => {
  const { room, identity } = deps;
  const not = (person: QueuePerson): Done => ({ outcome: 'not', person });
  const join = async ({ request, reply }: Visit, showId: string, accountId: string) => {
    const place = cookies.place(request, showId);
    const address = request.ip;
    const joined = await room.join({ showId, accountId, place, solution: null, address });
    if ('refusal' in joined) return not({ kind: 'outside', fault: joined.refusal });
    cookies.keepPlace(reply, showId, joined.place);
    return { outcome: 'done' } as const;
  };
  return {
    logIn: async (visit: Visit, showId: string, given: { email: string; password: string }) => {
      const refused = (fault: ProblemCode) =>
        not({ kind: 'logging-in', email: given.email.slice(0, 254), fault });
      const body = logIn.body.safeParse({ email: given.email.trim(), password: given.password });
      if (!body.success) return refused('CREDENTIALS_WRONG');
      const result = await identity.logIn(body.data, {
        address: readCallerAddress(visit.request),
        requestId: visit.request.id,
        browserToken: null,
      });
      if (result.outcome === 'wrong') return refused('CREDENTIALS_WRONG');
      if (result.outcome === 'too-fast') return refused('TOO_MANY_REQUESTS');
      cookies.keepSession(visit.reply, result);
      return join(visit, showId, result.account.id);
    },
    act: async (
      visit: Visit,
      showId: string,
      caller: Caller,
      deed: 'join' | 'leave' | 'log-out',
    ): Promise<Done> => {
      if (deed === 'join') return join(visit, showId, caller.accountId);
      cookies.dropPlace(visit.reply, showId);
      if (deed === 'leave') await room.leave({ showId, accountId: caller.accountId });
      else {
        await identity.logOut(caller, visit.request.id);
        cookies.dropSession(visit.reply);
      }
      return { outcome: 'done' };
    },
  };
};

/**
 * GET and POST /shows/{showId}/queue: the waiting room for browsers without JavaScript. The page
 * refreshes itself by a Refresh header, except while somebody is typing.
 */
export const makeQueuePages = (deps: QueuePagesDeps): FastifyPluginAsync => {
  const { room, catalogue, clock, publicUrl } = deps;
  const cookies = makeQueueCookies(publicUrl, clock);
  const sessions = makeSessions(deps, cookies);
  const placeOf = makePlaces(deps, cookies);
  const deeds = makeDeeds(deps, cookies);
  const limiter = deps.rateLimits ? makeRateLimiter(clock) : null;

  const send = (reply: FastifyReply, status: number, html: string) =>
    reply.code(status).headers(headers).send(html);
  const notice = ({ request, reply }: Visit, status: number, kind: 'absent' | 'away' | 'busy') => {
    if (kind !== 'absent') reply.headers({ refresh: tryAgainS, 'retry-after': tryAgainS });
    const locale = chooseLocale(request.headers['accept-language']);
    return send(reply, status, renderQueueNotice(kind, locale));
  };
  const tooMany = (key: string, limit: { perMinute: number; burst: number }): boolean =>
    (limiter?.waitMs(key, limit) ?? 0) > 0;

  const show = (visit: Visit, show: Show, now: RoomNow | null, person: QueuePerson) => {
    const { request, reply } = visit;
    const isStill = 'still' in (request.query as object) || person.kind === 'logging-in';
    const refreshS =
      now === null || isStill
        ? null
        : Math.round(refreshMsOf(now, person, chanceOf(request)) / 1000);
    if (refreshS !== null) reply.header('refresh', `${refreshS}; url=/shows/${show.id}/queue`);
    const locale = chooseLocale(request.headers['accept-language']);
    const fault = person.kind === 'inside' ? null : person.fault;
    const status = fault === null ? 200 : problems[fault].status;
    return send(reply, status, renderQueuePage({ locale, show, room: now, person, refreshS }));
  };

  /** The show and its room; null if the response was sent already. */
  const find = async (visit: Visit): Promise<{ known: Show; now: RoomNow | null } | null> => {
    const { showId } = visit.request.params as { showId: string };
    const isId = idOf('show').safeParse(showId).success;
    const facts = isId ? await catalogue.show(showId) : null;
    if (facts === null) {
      notice(visit, 404, 'absent');
      return null;
    }
    const ready = room.ready(showId);
    if (ready === 'away') {
      notice(visit, 503, 'away');
      return null;
    }
    return { known: facts, now: ready === null ? null : ready.now };
  };

  const look = async (visit: Visit): Promise<FastifyReply> => {
    const { request, reply } = visit;
    const subscriber = toSubscriber(readCallerAddress(request));
    if (tooMany(`page ${subscriber}`, rates.page)) return notice(visit, 429, 'busy');
    const found = await find(visit);
    if (found === null) return reply;
    const { known, now } = found;
    const caller = now === null ? null : await sessions.of(visit);
    if (caller === null || typeof caller === 'string') {
      const wantsIn = 'log-in' in (request.query as object) || caller !== null;
      const person = wantsIn
        ? ({ kind: 'logging-in', email: '', fault: caller } as const)
        : ({ kind: 'watching', fault: null } as const);
      return show(visit, known, now, person);
    }
    if (tooMany(`deed ${caller.accountId}`, rates.deed)) return notice(visit, 429, 'busy');
    return show(visit, known, now, await placeOf(visit, known.id, caller));
  };

  const act = async (visit: Visit): Promise<FastifyReply> => {
    const { request, reply } = visit;
    const subscriber = toSubscriber(readCallerAddress(request));
    if (tooMany(`form ${subscriber}`, logIn.rate)) return notice(visit, 429, 'busy');
    const found = await find(visit);
    if (found === null) return reply;
    const { known, now } = found;
    const form = deedForm.safeParse(request.body);
    const refused = (fault: ProblemCode) => show(visit, known, now, { kind: 'watching', fault });
    if (!isFromOwnPage(request.headers, publicUrl)) return refused('ORIGIN_REFUSED');
    if (!form.success || now === null) return refused('MALFORMED_REQUEST');
    const done = await perform(visit, known.id, form.data);
    if (done.outcome === 'not') return show(visit, known, now, done.person);
    return reply.code(303).headers(headers).header('location', `/shows/${known.id}/queue`).send();
  };
  const perform = async (
    visit: Visit,
    showId: string,
    form: z.infer<typeof deedForm>,
  ): Promise<Done> => {
    if (form.deed === 'log-in') return deeds.logIn(visit, showId, form);
    const caller = await sessions.of(visit);
    if (caller !== null && typeof caller !== 'string')
      return deeds.act(visit, showId, caller, form.deed);
    const person = { kind: 'logging-in', email: '', fault: 'REFRESH_REFUSED' } as const;
    return { outcome: 'not', person };
  };

  // A separate scope: the forms' media type and the pages' errors are for these routes only.
  return async (app) => {
    await app.register(formBody, { bodyLimit: formBytesMax });
    app.setErrorHandler((error, request, reply) => {
      const visit = { request, reply };
      const status = (error as { statusCode?: number }).statusCode ?? 500;
      if (status < 500) return notice(visit, status, 'away');
      const isOfTheWorld = error instanceof Failure && error.retryable;
      const fields = { err: error, traceId: request.id, route: 'queuePage' };
      if (isOfTheWorld) deps.log.warn(fields, 'page request failed');
      else deps.log.error(fields, 'page request failed with a bug');
      return notice(visit, isOfTheWorld ? 503 : 500, 'away');
    });
    const path = '/shows/:showId/queue';
    const config = { name: 'queuePage' } as never;
    app.get(path, { config }, (request, reply) => look({ request, reply }));
    app.post(path, { config }, (request, reply) => act({ request, reply }));
  };
};
