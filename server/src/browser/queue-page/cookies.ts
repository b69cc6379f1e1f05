import type { Place } from '@usher/contract/waiting-room.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../platform/clock.ts';
import type { SignedIn } from '../../services/identity/index.ts';

/** A night has ended by then; the place itself is stored by account. */
const cookieMaxS = 24 * 3600;

/** What the browser stores for us: the login, and the proof of the place for each show. */
export const makeQueueCookies = (publicUrl: string, clock: Clock) => {
  const isHttps = publicUrl.startsWith('https:');
  const rules = `Path=/; HttpOnly; SameSite=Lax${isHttps ? '; Secure' : ''}`;
  const nameOf = (name: string): string => (isHttps ? `__Host-${name}` : name);
  const add = (reply: FastifyReply, name: string, value: string, maxAgeS: number): void =>
    // Fastify keeps the cookies that were set earlier.
    void reply.header('set-cookie', `${nameOf(name)}=${value}; Max-Age=${maxAgeS}; ${rules}`);
  const read = (request: FastifyRequest, name: string): string | null =>
    request.cookies[nameOf(name)] ?? null;
  const placeName = (showId: string): string => `usher_place_${showId}`;
  return {
    tokens: (request: FastifyRequest): [access: string, refresh: string] | null => {
      const [access, refresh, more] = (read(request, 'usher_queue') ?? '').split('~');
      return access && refresh && more === undefined ? [access, refresh] : null;
    },
    keepSession: (reply: FastifyReply, signedIn: SignedIn): void => {
      const { accessToken, refreshToken, sessionEndsAtMs } = signedIn;
      const leftS = Math.floor((sessionEndsAtMs - clock.nowMs()) / 1000);
      add(reply, 'usher_queue', `${accessToken}~${refreshToken}`, Math.min(leftS, cookieMaxS));
    },
    dropSession: (reply: FastifyReply): void => add(reply, 'usher_queue', '', 0),
    place: (request: FastifyRequest, showId: string) => read(request, placeName(showId)),
    keepPlace: (reply: FastifyReply, showId: string, { token }: Place): void =>
      add(reply, placeName(showId), token, cookieMaxS),
    dropPlace: (reply: FastifyReply, showId: string): void => add(reply, placeName(showId), '', 0),
  };
};
export type QueueCookies = ReturnType<typeof makeQueueCookies>;
